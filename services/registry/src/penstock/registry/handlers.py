"""What the registry does with the records of the control plane: one by one, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state import State
from penstock.contracts.batch import AnyOutputs, Batch, RawRecord
from penstock.contracts.monitoring import Alert
from penstock.contracts.topics import ALERTS, TRAINING_REQUESTS, TRAINING_RUNS
from penstock.contracts.training import TrainingRequest, TrainingRun
from penstock.telemetry.propagation import sampled


class Records(Protocol):
    """The system of record. Taking the same record again changes nothing."""

    async def take_request(self, request: TrainingRequest) -> None:
        """Note a training request: it fences off older runs."""

    async def take_run(self, run: TrainingRun, traceparent: str | None) -> None:
        """Note a training run; a finished one is judged, registered and perhaps promoted."""

    async def take_alert(self, alert: Alert) -> None:
        """Keep an alert for people to see."""

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
        return []


def registry_group(records: Records) -> Group:
    """The consumer group of the registry."""

    def routes(unit: Unit, state: State) -> Sequence[Route]:  # noqa: ARG001 - the database is the state
        handlers = Handlers(records)
        return [
            route(TRAINING_REQUESTS, handlers.requests),
            route(TRAINING_RUNS, handlers.runs),
            route(ALERTS, handlers.alerts),
        ]

    return Group("registry", (TRAINING_REQUESTS, TRAINING_RUNS, ALERTS), routes)


def _traceparent(raw: RawRecord) -> str | None:
    header = sampled(raw.headers)
    return header.decode("ascii", "replace") if header else None
