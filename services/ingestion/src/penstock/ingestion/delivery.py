"""Writing to the log within a bound of time and memory."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from penstock.bus.errors import RecordTooLarge, TransientError
from penstock.bus.publishing import Publisher
from penstock.contracts.batch import AnyOutputs, Outputs
from penstock.contracts.topics import RECEIVED
from penstock.ingestion.limits import Limits

GROUP_BYTES = 4 << 20  # what is written together: more would keep small requests waiting for large ones

log = logging.getLogger(__name__)


class Undelivered(Exception):
    """The broker did not confirm in time. It may have the records or not; the same ids are safe to send again."""


@dataclass(frozen=True, eq=False)
class Parcel:
    """Records of one request for one stream, and the traceparent that the first of them carries."""

    stream: str
    values: Sequence[bytes]
    keys: Sequence[bytes]
    header: bytes | None
    outcome: asyncio.Future[Exception | None]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(map(len, self.values)) + sum(map(len, self.keys))


class Delivery:
    """Hands records to the broker, in the order in which they came, and waits until it has acknowledged them.

    While a write is under way further requests gather, and the next write takes them together: the client sends one
    batch a partition at a time, and a batch for each request would make them queue for it.
    """

    def __init__(self, publisher: Publisher, limits: Limits) -> None:
        self._publisher = publisher
        self._limits = limits
        self._waiting: deque[Parcel] = deque()
        self._unacknowledged = 0
        self._writer: asyncio.Task[None] | None = None

    async def deliver(
        self, stream: str, values: Sequence[bytes], keys: Sequence[bytes], header: bytes | None = None
    ) -> None:
        """Write records to the stream's `received`.

        Raises:
            Undelivered: not acknowledged within `ack_seconds`; whether the records are written is unknown.
            RecordTooLarge: the log does not take records of this size.
        """
        parcel = Parcel(stream, values, keys, header, asyncio.get_running_loop().create_future())
        if self._unacknowledged and self._unacknowledged + parcel.size > self._limits.unacknowledged_bytes:
            raise Undelivered
        self._unacknowledged += parcel.size
        self._waiting.append(parcel)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        await self._acknowledged(parcel)

    async def _acknowledged(self, parcel: Parcel) -> None:
        """Wait, but never cancel: a write that is under way cannot be taken back."""
        finished, _ = await asyncio.wait({parcel.outcome}, timeout=self._limits.ack_seconds)
        if not finished:
            log.warning("not acknowledged within %g s", self._limits.ack_seconds)
            self._take_back(parcel)
            raise Undelivered
        fault = parcel.outcome.result()
        if fault is not None:
            raise fault

    def _take_back(self, parcel: Parcel) -> None:
        if parcel in self._waiting:
            self._waiting.remove(parcel)
            self._unacknowledged -= parcel.size

    async def _write_waiting(self) -> None:
        while self._waiting:
            await self._write(self._next_group())

    def _next_group(self) -> list[Parcel]:
        group = [self._waiting.popleft()]
        size = group[0].size
        while self._waiting and size + self._waiting[0].size <= GROUP_BYTES:
            group.append(self._waiting.popleft())
            size += group[-1].size
        return group

    async def _write(self, group: Sequence[Parcel]) -> None:
        fault = await self._fault_of(group)
        if isinstance(fault, RecordTooLarge) and len(group) > 1:  # one of them is: the others shall not suffer for it
            for parcel in group:
                await self._write([parcel])
            return
        for parcel in group:
            self._unacknowledged -= parcel.size
            parcel.outcome.set_result(fault)

    async def _fault_of(self, group: Sequence[Parcel]) -> Exception | None:
        try:
            await self._publisher.publish(_outputs(group), lambda place: group[place].header if place >= 0 else None)
        except TransientError as error:
            log.warning("not acknowledged: %s", error)
            return Undelivered()
        except Exception as error:
            return error
        return None


def _outputs(group: Sequence[Parcel]) -> list[AnyOutputs]:
    """A parcel's first record is caused by its place in the group, the rest (-1) carry no trace."""
    return [
        Outputs(RECEIVED, parcel.stream, parcel.values, parcel.keys, causes=[place] + [-1] * (len(parcel.values) - 1))
        for place, parcel in enumerate(group)
    ]
