"""Writing what came over HTTP to the log: many requests in one write, within a bound of time and memory."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.bus.errors import RecordTooLarge, TransientError
from penstock.bus.publisher import Publisher
from penstock.contracts.batch import AnyOutputs, Outputs
from penstock.contracts.topics import Topic

GROUP_BYTES = 4 << 20  # what is written together: more would keep small requests waiting for large ones

log = logging.getLogger(__name__)


class WriteUnconfirmed(Exception):
    """The broker did not confirm in time. It may have the records or not; the same ids are safe to send again."""


class BufferFull(WriteUnconfirmed):
    """More waits for the broker than may: of these records none was taken."""


@dataclass(frozen=True, slots=True)
class WriteLimits:
    """How long a writer waits for the broker, and how much may wait for it in all, in bytes of keys and values."""

    seconds: float = 10.0
    bytes: int = 128 << 20


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """The records of one request, in order; `headers` are the traceparents of those that bear one, by place."""

    stream: str
    values: Sequence[bytes]
    keys: Sequence[bytes]
    headers: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(map(len, self.values)) + sum(map(len, self.keys))


@dataclass(slots=True, eq=False)
class _Shipment:
    """Parcels that were handed in together; the outcome says what befell each."""

    parcels: Sequence[WriteRequest]
    size: int
    outcome: asyncio.Future[list[Exception | None]]


class LogWriter:
    """Hands records to the broker, in the order in which they came.

    While a write is under way further parcels gather, and the next write takes them together: the client sends one
    batch a partition at a time, and a batch for each request would make them queue for it.
    """

    def __init__(self, publisher: Publisher, topic: Topic[Any], bounds: WriteLimits) -> None:
        self._publisher = publisher
        self._topic = topic
        self._bounds = bounds
        self._waiting: deque[_Shipment] = deque()
        self._unconfirmed = 0
        self._writer: asyncio.Task[None] | None = None

    async def deliver(self, parcels: Sequence[WriteRequest]) -> list[Exception | None]:
        """Write parcels and wait until the broker has confirmed them. What befell each, None when it is on the log:

        `WriteUnconfirmed` when it was not confirmed in time and nobody knows, `BufferFull` when it was not taken,
        `RecordTooLarge` when the log does not take a record of its size.
        """
        try:
            shipment = self._queued(parcels)
        except BufferFull as error:
            return [error] * len(parcels)
        timer = asyncio.get_running_loop().call_later(self._bounds.seconds, self._give_up, shipment)
        try:
            return await shipment.outcome
        finally:
            timer.cancel()

    def post(self, parcels: Sequence[WriteRequest], lost: Callable[[WriteRequest, Exception], None]) -> None:
        """Write parcels without waiting; `lost` hears of those that were not confirmed.

        Raises:
            Overfull: more waits for the broker than may; none was taken.
        """

        def told(outcome: asyncio.Future[list[Exception | None]]) -> None:
            for parcel, fault in zip(parcels, outcome.result(), strict=True):
                if fault is not None:
                    lost(parcel, fault)

        self._queued(parcels).outcome.add_done_callback(told)

    async def drain(self) -> None:
        """Wait until everything that was handed in is confirmed or lost, no longer than a writer waits."""
        if self._writer is not None:
            await asyncio.wait({self._writer}, timeout=self._bounds.seconds)

    def _queued(self, parcels: Sequence[WriteRequest]) -> _Shipment:
        size = sum(parcel.size for parcel in parcels)
        if self._unconfirmed and self._unconfirmed + size > self._bounds.bytes:
            raise BufferFull
        loop = asyncio.get_running_loop()
        shipment = _Shipment(parcels, size, loop.create_future())
        self._unconfirmed += size
        self._waiting.append(shipment)
        if self._writer is None or self._writer.done():
            self._writer = loop.create_task(self._write_waiting())
        return shipment

    def _give_up(self, shipment: _Shipment) -> None:
        """Wait no longer, but never cancel: a write that is under way cannot be taken back."""
        log.warning("not confirmed within %g s", self._bounds.seconds)
        _settle(shipment, [WriteUnconfirmed()] * len(shipment.parcels))
        if shipment in self._waiting:
            self._waiting.remove(shipment)
            self._unconfirmed -= shipment.size

    async def _write_waiting(self) -> None:
        while self._waiting:
            await self._write(self._next_group())

    def _next_group(self) -> list[_Shipment]:
        group = [self._waiting.popleft()]
        size = group[0].size
        while self._waiting and size + self._waiting[0].size <= GROUP_BYTES:
            group.append(self._waiting.popleft())
            size += group[-1].size
        return group

    async def _write(self, group: Sequence[_Shipment]) -> None:
        faults = await self._faults_of([parcel for shipment in group for parcel in shipment.parcels])
        for shipment in group:
            own, faults = faults[: len(shipment.parcels)], faults[len(shipment.parcels) :]
            self._unconfirmed -= shipment.size
            _settle(shipment, own)

    async def _faults_of(self, parcels: Sequence[WriteRequest]) -> list[Exception | None]:
        fault = await self._fault_of(parcels)
        if isinstance(fault, RecordTooLarge) and len(parcels) > 1:  # one of them is: the others shall not suffer for it
            return [await self._fault_of([parcel]) for parcel in parcels]
        return [fault] * len(parcels)

    async def _fault_of(self, parcels: Sequence[WriteRequest]) -> Exception | None:
        together = _Together()
        for parcel in parcels:
            together.add(parcel)
        try:
            await self._publisher.publish(together.outputs(self._topic), together.header_of)
        except TransientError as error:
            log.warning("not confirmed: %s", error)
            return WriteUnconfirmed()
        except Exception as error:
            return error
        return None


class _Together:
    """Parcels as outputs: one for each stream, whose records' causes are places in the list of traceparents, or -1."""

    def __init__(self) -> None:
        self._headers: list[bytes] = []
        self._streams: dict[str, tuple[list[bytes], list[bytes], list[int]]] = {}

    def add(self, parcel: WriteRequest) -> None:
        values, keys, causes = self._streams.setdefault(parcel.stream, ([], [], []))
        first = len(causes)
        values += parcel.values
        keys += parcel.keys
        causes += [-1] * len(parcel.values)
        for index, header in parcel.headers.items():
            causes[first + index] = len(self._headers)
            self._headers.append(header)

    def outputs(self, topic: Topic[Any]) -> list[AnyOutputs]:
        return [
            Outputs(topic, stream, values, keys, causes=causes if self._headers else ())
            for stream, (values, keys, causes) in self._streams.items()
        ]

    def header_of(self, cause: int) -> bytes | None:
        return self._headers[cause] if cause >= 0 else None


def _settle(shipment: _Shipment, faults: list[Exception | None]) -> None:
    if not shipment.outcome.done():
        shipment.outcome.set_result(faults)
