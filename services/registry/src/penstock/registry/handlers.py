"""What the registry does with the records of the control plane: one by one, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state.state import State
from penstock.contracts.batch import AnyOutputs, Batch, RawRecord
from penstock.contracts.records.monitoring import Alert, Statistics
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.contracts.topics import ALERTS, STATISTICS, TRAINING_REQUESTS, TRAINING_RUNS
from penstock.telemetry.propagation import sampled


class Records(Protocol):
    """The system of record. Taking the same record again changes nothing."""

    async def take_request(self, request: TrainingRequest) -> None:
        """Note a training request: it fences off older runs."""

    async def take_run(self, run: TrainingRun, traceparent: str | None) -> None:
        """Note a training run; a finished one is judged, registered and perhaps promoted."""

    async def take_alert(self, alert: Alert) -> None:
        """Keep an alert for people to see."""

    async def on_trial(self) -> frozenset[str]:
        """The streams with a rollout under way."""

    async def take_statistics(self, block: Statistics, traceparent: str | None) -> None:
        """Let a block of outcomes speak for or against the challengers of its stream."""

    async def drain(self) -> None:
        """Publish what transactions left to be published."""


class Handlers:
    """Takes records in. Nothing is handed to the bus: what a transaction decides goes out through its outbox,
    and all of it has gone out before a batch counts as handled.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    async def requests(self, batch: Batch[TrainingRequest]) -> list[AnyOutputs]:
        """Note training requests."""
        for request in batch.records:
            await self._records.take_request(request)
        return []

    async def runs(self, batch: Batch[TrainingRun]) -> list[AnyOutputs]:
        """Judge finished runs."""
        for run, raw in zip(batch.records, batch.raw, strict=True):
            await self._records.take_run(run, _traceparent(raw))
        await self._records.drain()
        return []

    async def alerts(self, batch: Batch[Alert]) -> list[AnyOutputs]:
        """Keep alerts."""
        for alert in batch.records:
            await self._records.take_alert(alert)
        await self._records.drain()
        return []

    async def statistics(self, batch: Batch[Statistics]) -> list[AnyOutputs]:
        """Judge challengers."""
        on_trial = await self._records.on_trial()
        told = [(block, raw) for block, raw in zip(batch.records, batch.raw, strict=True) if block.stream in on_trial]
        for block, raw in told:
            await self._records.take_statistics(block, _traceparent(raw))
        if told:
            await self._records.drain()
        return []


def registry_group(records: Records) -> Group:
    """The consumer group of the registry."""

    def routes(unit: Unit, state: State) -> Sequence[Route]:  # noqa: ARG001 - the database is the state
        handlers = Handlers(records)
        return [
            route(TRAINING_REQUESTS, handlers.requests),
            route(TRAINING_RUNS, handlers.runs),
            route(ALERTS, handlers.alerts),
            route(STATISTICS, handlers.statistics),
        ]

    return Group("registry", (TRAINING_REQUESTS, TRAINING_RUNS, ALERTS, STATISTICS), routes)


def _traceparent(raw: RawRecord) -> str | None:
    header = sampled(raw.headers)
    return header.decode("ascii", "replace") if header else None
