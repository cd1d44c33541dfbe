"""Importing history: sent through ingestion, then followed on the log until every row has an outcome or a rejection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from penstock.bus.ports import FetchedBatch, Log, Reader, TopicPartition
from penstock.console.log_client import POLL_S
from penstock.console.record_refusal import RecordRefusal, RefusalReason
from penstock.console.replay.rows.historical_events import HistoricalEvent
from penstock.console.replay.rows.refusal_counts import RefusalCounts
from penstock.contracts.records.outcomes import OUTCOME_SUFFIX
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import OUTCOMES, REJECTED

BATCH_ROWS = 1000  # sent at a time
NO_OUTCOME = RefusalReason(
    "no_outcome", "", "the log holds neither its outcome nor its rejection; see the dead letters of the stream"
)


class ImportDeployment(Protocol):
    """What history is imported into: services on a broker, or all of them in this process."""

    async def send(
        self, kind: Literal["event", "label"], bodies: Sequence[bytes], now: datetime
    ) -> list[RecordRefusal]:
        """Send records at stream time `now`; the refusals of ingestion."""

    async def run_pending(self) -> None:
        """Let the services handle what was sent, where they do not run by themselves."""

    async def await_handled(self) -> None:
        """Wait until the services have handled what was sent, and what they wrote of it."""

    async def report_import(self, outcomes: int, detail: str) -> None:
        """Report to the registry that history was imported, with which the stream has so many outcomes."""


@dataclass
class ImportResult:
    """What became of the rows.

    Attributes:
        accepted: how many rows the log holds as outcomes.
        outcomes: how many outcomes the stream has, up to the last imported one.
        waiting: how many of the accepted rows the log does not hold as outcomes yet.
        refusals: the refused rows by reason.
    """

    accepted: int = 0
    outcomes: int = 0
    waiting: int = 0
    refusals: RefusalCounts = field(default_factory=RefusalCounts)

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return self.accepted + self.refused

    @property
    def done(self) -> int:
        """How many rows are done, where one that was sent and is waited for counts half."""
        return self.rows - self.waiting // 2

    @property
    def refused(self) -> int:
        """How many rows were refused."""
        return self.refusals.count("event")


@dataclass(frozen=True)
class ImportStream:
    """The stream that history is imported into, and the log that it is on."""

    log: Log
    namespace: str
    declared: StreamDeclared

    @property
    def source(self) -> str:
        """The source of imported events."""
        return f"import/{self.declared.name}"

    @property
    def rejected_topic(self) -> str:
        """The name of the topic with the stream's rejections."""
        return REJECTED.name(self.namespace, self.declared.name)

    async def reader(self) -> Reader:
        """Reads the stream's outcomes and rejections from the beginning."""
        partitions: list[TopicPartition] = [
            (topic.name(self.namespace, self.declared.name), number)
            for topic in (OUTCOMES, REJECTED)
            for number in range(topic.partitions(self.declared))
        ]
        begins: dict[TopicPartition, int | None] = {**await self.log.beginning_offsets(partitions)}
        return await self.log.reader(begins)


async def import_history(
    events: Iterable[HistoricalEvent],
    deployment: ImportDeployment,
    stream: ImportStream,
    detail: str,
    progress: Callable[[ImportResult], None],
) -> ImportResult:
    """Send the events, wait until the log has an outcome or a rejection of each, and report the import.

    Events that were imported before, wholly or in part, are the same events and change nothing.
    """
    result, pending = ImportResult(), dict[str, int]()
    for batch in _batches(events):
        pending |= await _send(batch, deployment, result)
        result.waiting = len(pending)
        progress(result)
    await deployment.run_pending()
    await _await_outcomes(pending, deployment, stream, result, progress)
    if result.outcomes:
        await deployment.report_import(result.outcomes, detail)
    return result


def _batches(events: Iterable[HistoricalEvent]) -> Iterator[list[HistoricalEvent]]:
    iterator = iter(events)
    while batch := list(islice(iterator, BATCH_ROWS)):
        yield batch


async def _send(batch: Sequence[HistoricalEvent], deployment: ImportDeployment, result: ImportResult) -> dict[str, int]:
    """Send a batch; the numbers of the rows that ingestion accepted, by event id."""
    for event in batch:
        if isinstance(event.event, RefusalReason):
            result.refusals.add("event", event.number, event.event)
    labelled = [event for event in batch if isinstance(event.event, bytes)]
    bodies = [event.event for event in labelled if isinstance(event.event, bytes)]
    refusals = await deployment.send("event", bodies, batch[-1].known_at) if bodies else []
    reasons = {refusal.index: refusal.reason for refusal in refusals}
    accepted: dict[str, int] = {}
    for index, event in enumerate(labelled):
        if index in reasons:
            result.refusals.add("event", event.number, reasons[index])
        else:
            result.accepted += 1
            accepted[event.id] = event.number
    return accepted


async def _await_outcomes(
    pending: dict[str, int],
    deployment: ImportDeployment,
    stream: ImportStream,
    result: ImportResult,
    progress: Callable[[ImportResult], None],
) -> None:
    """Follow the log until each pending event has an outcome or, after all, a rejection; the first of them counts.

    An event that has neither once everything was handled is refused: it is a dead letter, or was imported so long ago
    that its outcome has left the log.
    """
    reader = await stream.reader()
    try:
        is_handled = False
        while pending and not is_handled:
            batches = await reader.poll(POLL_S)
            if not batches:
                await deployment.await_handled()
                batches, is_handled = await reader.read_to_end(), True
            _apply(batches, pending, stream, result)
            result.waiting = len(pending)
            progress(result)
    finally:
        await reader.close()
    result.waiting = 0
    for number in pending.values():
        result.accepted -= 1
        result.refusals.add("event", number, NO_OUTCOME)


def _apply(
    batches: Iterable[FetchedBatch], pending: dict[str, int], stream: ImportStream, result: ImportResult
) -> None:
    for batch in batches:
        if batch.topic == stream.rejected_topic:
            _apply_rejections(batch, pending, result)
        else:
            _apply_outcomes(batch, stream.source + OUTCOME_SUFFIX, pending, result)


def _apply_rejections(batch: FetchedBatch, pending: dict[str, int], result: ImportResult) -> None:
    for record in batch.records:
        rejection = _decode_rejection(record.value or b"").data
        if (number := pending.pop(rejection.id, None)) is not None:
            result.accepted -= 1
            reason = RefusalReason(rejection.code, rejection.field or "", rejection.detail)
            result.refusals.add("event", number, reason)


def _apply_outcomes(batch: FetchedBatch, source: str, pending: dict[str, int], result: ImportResult) -> None:
    for record in batch.records:
        outcome = _decode_outcome(record.value or b"")
        if outcome.source == source and pending.pop(outcome.id, None) is not None:
            result.outcomes = max(result.outcomes, record.offset + 1)


class _OutcomeId(Struct):
    source: str
    id: str


class _RejectionData(Struct):
    id: str
    code: str
    detail: str
    field: str | None = None


class _Rejection(Struct):
    data: _RejectionData


_decode_outcome = msgspec.json.Decoder(_OutcomeId).decode
_decode_rejection = msgspec.json.Decoder(_Rejection).decode
