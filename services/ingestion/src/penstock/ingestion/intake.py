"""The one way in: HTTP and the console's replay feed records through the same steps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from penstock.bus.ports import Clock
from penstock.contracts.refusals import Refusal
from penstock.contracts.streams import StreamDeclared, Streams
from penstock.contracts.topics import RECEIVED
from penstock.ingestion.admission import Admission, Admitted
from penstock.ingestion.delivery import Delivery
from penstock.ingestion.limits import Limits
from penstock.ingestion.memory import RecentOperations
from penstock.ingestion.shorthand import Kind
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.names import SEND
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import message_span

SLICE = 500  # records checked before other requests get their turn
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A record that the broker has acknowledged, by its id."""

    id: str


class Intake:
    """Checks records and writes the good ones to `received`."""

    def __init__(
        self,
        namespace: str,
        streams: Streams,
        delivery: Delivery,
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
        self._admissions: dict[str, Admission] = {}

    def knows(self, stream: str) -> bool:
        """Whether the stream is declared."""
        return self._streams.get(stream) is not None

    async def take(
        self, stream: str, kind: Kind, bodies: Sequence[bytes], parent: bytes | None = None
    ) -> list[Accepted | Refusal]:
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
        now = self._clock()
        verdicts = self._recent.sift(declared, await self._verdicts(declared, kind, bodies, now), now)
        admitted = [verdict for verdict in verdicts if isinstance(verdict, Admitted)]
        if admitted:
            await self._write(stream, admitted, parent)
            self._recent.remember(declared, admitted, now)
        return [Accepted(verdict.id) if isinstance(verdict, Admitted) else verdict for verdict in verdicts]

    async def _verdicts(
        self, declared: StreamDeclared, kind: Kind, bodies: Sequence[bytes], now: int
    ) -> list[Admitted | Refusal]:
        admission, moment = self._admission(declared), _EPOCH + timedelta(milliseconds=now)
        verdicts = admission.admit(kind, bodies[:SLICE], moment)
        for start in range(SLICE, len(bodies), SLICE):
            await asyncio.sleep(0)
            verdicts += admission.admit(kind, bodies[start : start + SLICE], moment)
        return verdicts

    def _admission(self, declared: StreamDeclared) -> Admission:
        known = self._admissions.get(declared.name)
        if known is None or known.stream is not declared:
            known = self._admissions[declared.name] = Admission(declared, self._limits)
        return known

    async def _write(self, stream: str, admitted: Sequence[Admitted], parent: bytes | None) -> None:
        topic = RECEIVED.name(self._namespace, stream)
        values, keys = [record.value for record in admitted], [record.key for record in admitted]
        with message_span(self._telemetry.tracer, SEND, topic, parent) as span:
            await self._delivery.deliver(stream, values, keys, span.header())
        self._metrics.produced(topic, len(values))
