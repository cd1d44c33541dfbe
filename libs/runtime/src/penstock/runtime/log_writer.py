"""Writing records to the log: many requests in one write, within a bound of seconds and bytes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.bus.errors import RecordTooLarge, TransientError
from penstock.bus.publisher import Publisher
from penstock.contracts.batch import AnyOutputs, Outputs
from penstock.contracts.topics import Topic

SILENCE_LIMIT_S = 30.0  # without a confirmation from the broker, while there is something to write
MAX_WRITE_BYTES = 4 << 20  # of requests written together: more would keep small requests waiting for large ones

log = logging.getLogger(__name__)


class WriteUnconfirmed(Exception):
    """The broker did not confirm in time. It may have the records or not; the same ids are safe to send again."""


class BufferFull(WriteUnconfirmed):
    """More records await the broker than the limit allows: none of these was taken."""


@dataclass(frozen=True, slots=True)
class WriteLimits:
    """Seconds that a write may await the broker, and bytes of keys and values that may await it in all."""

    seconds: float = 10.0
    bytes: int = 128 << 20


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """The records of one request, in order; `traceparents` are those of the records that have one, by index."""

    stream: str
    values: Sequence[bytes]
    keys: Sequence[bytes]
    traceparents: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of keys and values."""
        return sum(map(len, self.values)) + sum(map(len, self.keys))


Errors = list[Exception | None]
"""The error of each request, None when it is on the log."""


@dataclass(slots=True, eq=False)
class _PendingWrite:
    """Requests that were handed in together, and the future of their errors."""

    requests: Sequence[WriteRequest]
    size: int
    errors: asyncio.Future[Errors]

    def resolve(self, errors: Errors) -> None:
        if not self.errors.done():
            self.errors.set_result(errors)


class LogWriter:
    """Writes records of one topic, in the order in which they were handed in.

    Requests that arrive during a write are collected, and the next write takes them together: the client sends one
    batch a partition at a time, and a batch for each request would make them queue for it.
    """

    def __init__(self, publisher: Publisher, topic: Topic[Any], limits: WriteLimits) -> None:
        self._publisher = publisher
        self._topic = topic
        self._limits = limits
        self._queue: deque[_PendingWrite] = deque()
        self._unconfirmed_bytes = 0
        self._writing: asyncio.Task[None] | None = None
        self._unconfirmed_since: float | None = None
        self._last_request = 0.0

    def is_confirmed(self) -> bool:
        """Whether the broker confirms what is written: False after 30 s without a confirmation.

        True again, too, once nothing has been written for as long, since only a new write can tell.
        """
        now = time.monotonic()
        if self._unconfirmed_since is None or now - self._unconfirmed_since < SILENCE_LIMIT_S:
            return True
        is_writing = self._writing is not None and not self._writing.done()
        return not is_writing and now - self._last_request > SILENCE_LIMIT_S

    async def write(self, requests: Sequence[WriteRequest]) -> Errors:
        """Write requests and wait until the broker has confirmed them.

        The error of each request, None when it is on the log: `WriteUnconfirmed` when it was not confirmed in time,
        `BufferFull` when it was not taken, `RecordTooLarge` when the log does not take a record of its size.
        """
        try:
            pending = self._enqueue(requests)
        except BufferFull as error:
            return [error] * len(requests)
        timer = asyncio.get_running_loop().call_later(self._limits.seconds, self._time_out, pending)
        try:
            return await pending.errors
        finally:
            timer.cancel()

    def enqueue(self, requests: Sequence[WriteRequest], on_error: Callable[[WriteRequest, Exception], None]) -> None:
        """Write requests without waiting; `on_error` is called for each that was not confirmed.

        Raises:
            BufferFull: more awaits the broker than the limit allows; no request was taken.
        """

        def report(errors: asyncio.Future[Errors]) -> None:
            for request, error in zip(requests, errors.result(), strict=True):
                if error is not None:
                    on_error(request, error)

        self._enqueue(requests).errors.add_done_callback(report)

    async def drain(self) -> None:
        """Wait until everything handed in is confirmed or has failed, at most as long as a write may take."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=self._limits.seconds)

    def _enqueue(self, requests: Sequence[WriteRequest]) -> _PendingWrite:
        size = sum(request.size for request in requests)
        if self._unconfirmed_bytes and self._unconfirmed_bytes + size > self._limits.bytes:
            raise BufferFull
        loop = asyncio.get_running_loop()
        self._last_request = time.monotonic()
        if self._unconfirmed_since is None:
            self._unconfirmed_since = self._last_request
        pending = _PendingWrite(requests, size, loop.create_future())
        self._unconfirmed_bytes += size
        self._queue.append(pending)
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write_queue())
        return pending

    def _time_out(self, pending: _PendingWrite) -> None:
        """Wait no longer, but never cancel: a write that is under way cannot be taken back."""
        log.warning("not confirmed within %g s", self._limits.seconds)
        pending.resolve([WriteUnconfirmed()] * len(pending.requests))
        if pending in self._queue:
            self._queue.remove(pending)
            self._unconfirmed_bytes -= pending.size

    async def _write_queue(self) -> None:
        while self._queue:
            await self._write_batch(self._next_batch())

    def _next_batch(self) -> list[_PendingWrite]:
        batch = [self._queue.popleft()]
        size = batch[0].size
        while self._queue and size + self._queue[0].size <= MAX_WRITE_BYTES:
            batch.append(self._queue.popleft())
            size += batch[-1].size
        return batch

    async def _write_batch(self, batch: Sequence[_PendingWrite]) -> None:
        errors = await self._publish_all([request for pending in batch for request in pending.requests])
        if not any(isinstance(error, WriteUnconfirmed) for error in errors):
            self._unconfirmed_since = time.monotonic() if self._queue else None
        for pending in batch:
            count = len(pending.requests)
            self._unconfirmed_bytes -= pending.size
            pending.resolve(errors[:count])
            errors = errors[count:]

    async def _publish_all(self, requests: Sequence[WriteRequest]) -> Errors:
        error = await self._publish(requests)
        if isinstance(error, RecordTooLarge) and len(requests) > 1:  # of one request: the others shall be written
            return [await self._publish([request]) for request in requests]
        return [error] * len(requests)

    async def _publish(self, requests: Sequence[WriteRequest]) -> Exception | None:
        outputs, traceparents = _outputs_by_stream(self._topic, requests)
        try:
            await self._publisher.publish(outputs, lambda cause: traceparents[cause] if cause >= 0 else None)
        except TransientError as error:
            log.warning("not confirmed: %s", error)
            return WriteUnconfirmed()
        except Exception as error:
            return error
        return None


def _outputs_by_stream(topic: Topic[Any], requests: Sequence[WriteRequest]) -> tuple[list[AnyOutputs], list[bytes]]:
    """One output for each stream, and the traceparents; a record's cause is the index of its traceparent, or -1."""
    traceparents: list[bytes] = []
    streams: dict[str, tuple[list[bytes], list[bytes], list[int]]] = {}
    for request in requests:
        values, keys, causes = streams.setdefault(request.stream, ([], [], []))
        first = len(causes)
        values += request.values
        keys += request.keys
        causes += [-1] * len(request.values)
        for index, traceparent in request.traceparents.items():
            causes[first + index] = len(traceparents)
            traceparents.append(traceparent)
    outputs: list[AnyOutputs] = [
        Outputs(topic, stream, values, keys, causes=causes if traceparents else ())
        for stream, (values, keys, causes) in streams.items()
    ]
    return outputs, traceparents
