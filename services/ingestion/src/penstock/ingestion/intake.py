"""The one way in: HTTP and the console's replay feed records through the same steps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from penstock.bus.ports import Clock
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.refusals import Refusal
from penstock.contracts.topics import RECEIVED
from penstock.ingestion.admission import Admission, Admitted
from penstock.ingestion.limits import Limits
from penstock.ingestion.recent_operations import RecentOperations
from penstock.ingestion.shorthand import Kind
from penstock.runtime.http.micro_batches import MicroBatches, PendingRequest
from penstock.runtime.log_writer import LogWriter, WriteRequest
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.names import SEND
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import message_span

SLICE = 500  # records checked before other requests get their turn
MOST_TOGETHER = 1000  # records of small requests that are checked and written together
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A record that the broker has acknowledged: its source and id, and its key on the log."""

    source: str
    id: str
    key: bytes


Verdict = Accepted | Refusal


@dataclass(frozen=True, slots=True)
class Question:
    """The documents of one request, and its traceparent."""

    bodies: Sequence[bytes]
    parent: bytes | None


@dataclass(frozen=True, slots=True)
class _Entrance:
    """Where records of one kind and stream, by one version of its declaration, are let in."""

    declared: StreamDeclared
    batches: MicroBatches[Question, list[Verdict]]


class Intake:
    """Checks records and writes the good ones to `received`; small requests that come together go together."""

    def __init__(
        self,
        namespace: str,
        streams: Streams,
        delivery: LogWriter,
        clock: Clock,
        telemetry: Telemetry,
        metrics: Metrics,
        limits: Limits,
    ) -> None:
        self._namespace = namespace
        self._streams = streams
        self._delivery = delivery
        self._clock = clock
        self._telemetry = telemetry
        self._metrics = metrics
        self._limits = limits
        self._recent = RecentOperations(limits.remembered)
        self._entrances: dict[tuple[str, Kind], _Entrance] = {}

    def knows(self, stream: str) -> bool:
        """Whether the stream is declared."""
        return self._streams.get(stream) is not None

    async def take(
        self, stream: str, kind: Kind, bodies: Sequence[bytes], parent: bytes | None = None
    ) -> list[Verdict]:
        """Let records in: `bodies` are JSON documents, whole CloudEvents or shorthand, one a record.

        The i-th answer is about the i-th body. What is accepted is on the log, all in one write. `parent` is the
        traceparent of the work that brings them; the trace goes on with the first record.

        Raises:
            Undelivered: the broker did not acknowledge; none counts as accepted, all are safe to send again.
            RecordTooLarge: the log does not take records of this size.
        """
        declared = self._streams.get(stream)
        if declared is None:
            return [Refusal("unknown_stream", "no such stream is declared", "stream", kind) for _ in bodies]
        return await self._entrance(declared, kind).batches.ask(Question(bodies, parent), len(bodies))

    def _entrance(self, declared: StreamDeclared, kind: Kind) -> _Entrance:
        known = self._entrances.get((declared.name, kind))
        if known is None or known.declared is not declared:
            admission = Admission(declared, self._limits)
            batches = MicroBatches(partial(self._take_all, admission, kind), MOST_TOGETHER)
            known = self._entrances[declared.name, kind] = _Entrance(declared, batches)
        return known

    async def _take_all(
        self, admission: Admission, kind: Kind, batch: Sequence[PendingRequest[Question, list[Verdict]]]
    ) -> None:
        now = self._clock()
        bodies = [body for asking in batch for body in asking.question.bodies]
        verdicts = iter(self._recent.sift(admission.stream, await _verdicts(admission, kind, bodies, now), now))
        found = [[next(verdicts) for _ in asking.question.bodies] for asking in batch]
        faults = await self._written(admission.stream, batch, found, now)
        for asking, own, fault in zip(batch, found, faults, strict=True):
            if fault is None:
                asking.answer([_accepted(v) if isinstance(v, Admitted) else v for v in own])
            else:
                asking.refuse(fault)

    async def _written(
        self,
        declared: StreamDeclared,
        batch: Sequence[PendingRequest[Question, list[Verdict]]],
        found: Sequence[Sequence[Admitted | Refusal]],
        now: int,
    ) -> list[Exception | None]:
        """What befell the admitted records of each request: None when they are on the log, or there are none."""
        admitted = {place: records for place, own in enumerate(found) if (records := _admitted(own))}
        faults: list[Exception | None] = [None] * len(batch)
        with ExitStack() as spans:
            parcels = [
                self._parcel(declared.name, records, batch[place].question.parent, spans)
                for place, records in admitted.items()
            ]
            outcomes = await self._delivery.deliver(parcels) if parcels else []
        for (place, records), fault in zip(admitted.items(), outcomes, strict=True):
            faults[place] = fault
            if fault is None:
                self._recent.remember(declared, records, now)
                self._metrics.produced(RECEIVED.name(self._namespace, declared.name), len(records))
        return faults

    def _parcel(self, stream: str, records: Sequence[Admitted], parent: bytes | None, spans: ExitStack) -> WriteRequest:
        values, keys = [record.value for record in records], [record.key for record in records]
        if parent is None:
            return WriteRequest(stream, values, keys)
        topic = RECEIVED.name(self._namespace, stream)
        header = spans.enter_context(message_span(self._telemetry.tracer, SEND, topic, parent)).header()
        return WriteRequest(stream, values, keys, {} if header is None else {0: header})


async def _verdicts(admission: Admission, kind: Kind, bodies: Sequence[bytes], now: int) -> list[Admitted | Refusal]:
    moment = _EPOCH + timedelta(milliseconds=now)
    verdicts = admission.admit(kind, bodies[:SLICE], moment)
    for start in range(SLICE, len(bodies), SLICE):
        await asyncio.sleep(0)
        verdicts += admission.admit(kind, bodies[start : start + SLICE], moment)
    return verdicts


def _accepted(record: Admitted) -> Accepted:
    return Accepted(record.record.source, record.id, record.key)


def _admitted(verdicts: Iterable[Admitted | Refusal]) -> list[Admitted]:
    return [verdict for verdict in verdicts if isinstance(verdict, Admitted)]
