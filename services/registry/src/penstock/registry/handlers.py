"""What the registry does with records of the control plane: one by one, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state.unit_state import State
from penstock.contracts.batch import AnyOutputs, Batch, RawRecord
from penstock.contracts.records.monitoring import Alert, Statistics
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.contracts.topics import ALERTS, STATISTICS, TRAINING_REQUESTS, TRAINING_RUNS
from penstock.telemetry.traceparent import sampled_traceparent


class SystemOfRecord(Protocol):
    """What handlers need of the registry. Recording the same record again changes nothing."""

    async def record_request(self, request: TrainingRequest) -> None:
        """Record a training request: runs of older ones are refused from then on."""

    async def record_run(self, run: TrainingRun, traceparent: str | None) -> None:
        """Record a training run; the candidate of a finished one is registered and perhaps promoted."""

    async def record_alert(self, alert: Alert) -> None:
        """Record an alert; one of a failed challenger ends its rollout."""

    async def streams_in_rollout(self) -> frozenset[str]:
        """The streams with a rollout under way."""

    async def record_statistics(self, block: Statistics, traceparent: str | None) -> None:
        """Add a block of outcomes to the evidence of its stream's rollout, which may step or end."""

    async def publish_outbox(self) -> None:
        """Publish what transactions left in the outbox."""


class Handlers:
    """Records batches. Nothing is handed to the bus: records go out through the outbox of their transaction, and all
    of them are published before a batch counts as handled.
    """

    def __init__(self, registry: SystemOfRecord) -> None:
        self._registry = registry

    async def handle_requests(self, batch: Batch[TrainingRequest]) -> list[AnyOutputs]:
        """Record training requests."""
        for request in batch.records:
            await self._registry.record_request(request)
        return []

    async def handle_runs(self, batch: Batch[TrainingRun]) -> list[AnyOutputs]:
        """Record training runs, and decide on the candidates of those that finished."""
        for run, raw in zip(batch.records, batch.raw, strict=True):
            await self._registry.record_run(run, _traceparent(raw))
        await self._registry.publish_outbox()
        return []

    async def handle_alerts(self, batch: Batch[Alert]) -> list[AnyOutputs]:
        """Record alerts."""
        for alert in batch.records:
            await self._registry.record_alert(alert)
        await self._registry.publish_outbox()
        return []

    async def handle_statistics(self, batch: Batch[Statistics]) -> list[AnyOutputs]:
        """Judge challengers by new blocks of outcomes; most streams have none, and their blocks need no transaction."""
        streams = await self._registry.streams_in_rollout()
        blocks = [(block, raw) for block, raw in zip(batch.records, batch.raw, strict=True) if block.stream in streams]
        for block, raw in blocks:
            await self._registry.record_statistics(block, _traceparent(raw))
        if blocks:
            await self._registry.publish_outbox()
        return []


def registry_group(registry: SystemOfRecord) -> Group:
    """The consumer group of the registry."""

    def routes(unit: Unit, state: State) -> Sequence[Route]:  # noqa: ARG001 - the database is the state
        handlers = Handlers(registry)
        return [
            route(TRAINING_REQUESTS, handlers.handle_requests),
            route(TRAINING_RUNS, handlers.handle_runs),
            route(ALERTS, handlers.handle_alerts),
            route(STATISTICS, handlers.handle_statistics),
        ]

    return Group("registry", (TRAINING_REQUESTS, TRAINING_RUNS, ALERTS, STATISTICS), routes)


def _traceparent(raw: RawRecord) -> str | None:
    header = sampled_traceparent(raw.headers)
    return header.decode("ascii", "replace") if header else None
