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
from penstock.contracts.batch import AnyOutputs, Headers, Outputs
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
    """Seconds that a write may await the broker, and bytes of keys and values that may await it in all.

    One stream may have `stream_share` of the bytes, so that one whose partition is silent leaves room for the others.
    """

    seconds: float = 10.0
    bytes: int = 128 << 20
    stream_share: float = 0.5


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """The records of one request, in order; `headers` are those of the records that have some, by index."""

    values: Sequence[bytes]
    keys: Sequence[bytes]
    headers: Mapping[int, Headers] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of keys and values."""
        return sum(map(len, self.values)) + sum(map(len, self.keys))


Errors = list[Exception | None]
"""The error of each request, None when it is on the log."""


@dataclass(slots=True, eq=False)
class _PendingWrite:
    """Requests of one stream that were handed in together, and the future of their errors."""

    requests: Sequence[WriteRequest]
    size: int
    errors: asyncio.Future[Errors]

    def resolve(self, errors: Errors) -> None:
        if not self.errors.done():
            self.errors.set_result(errors)


@dataclass(slots=True, eq=False)
class _StreamQueue:
    """The writes of one stream that are still to be made, their bytes, and the task that makes them."""

    pending: deque[_PendingWrite] = field(default_factory=deque)
    unconfirmed_bytes: int = 0
    writing: asyncio.Task[None] | None = None


class LogWriter:
    """Writes records of one topic, those of a stream in the order in which they were handed in.

    Requests that arrive during a write are collected, and the next write takes them together: the client sends one
    batch a partition at a time, and a batch for each request would make them queue for it. Streams do not wait for each
    other: a partition without a leader holds up its own stream.
    """

    def __init__(self, publisher: Publisher, topic: Topic[Any], limits: WriteLimits) -> None:
        self._publisher = publisher
        self._topic = topic
        self._limits = limits
        self._queues: dict[str, _StreamQueue] = {}
        self._unconfirmed_bytes = 0
        self._unconfirmed_since: float | None = None
        self._last_request = 0.0

    def is_confirmed(self) -> bool:
        """Whether the broker confirms what is written: False after 30 s in which it confirmed nothing of any stream.

        True again, too, once nothing has been written for as long, since only a new write can tell.
        """
        now = time.monotonic()
        if self._unconfirmed_since is None or now - self._unconfirmed_since < SILENCE_LIMIT_S:
            return True
        return not self._queues and now - self._last_request > SILENCE_LIMIT_S

    def waits_for(self) -> list[str]:
        """What it waits for before it can write: nothing, or the broker."""
        return [] if self.is_confirmed() else [f"the broker, which has confirmed no write for {SILENCE_LIMIT_S:g} s"]

    async def write(self, stream: str, requests: Sequence[WriteRequest]) -> Errors:
        """Write requests of a stream and wait until the broker has confirmed them.

        The error of each request, None when it is on the log: `WriteUnconfirmed` when it was not confirmed in time,
        `BufferFull` when it was not taken, `RecordTooLarge` when the log does not take a record of its size.
        """
        try:
            pending = self._enqueue(stream, requests)
        except BufferFull as error:
            return [error] * len(requests)
        timer = asyncio.get_running_loop().call_later(self._limits.seconds, self._time_out, stream, pending)
        try:
            return await pending.errors
        finally:
            timer.cancel()

    def enqueue(
        self, stream: str, requests: Sequence[WriteRequest], on_error: Callable[[WriteRequest, Exception], None]
    ) -> None:
        """Write requests of a stream without waiting; `on_error` is called for each that was not confirmed.

        Raises:
            BufferFull: more awaits the broker than the limit allows; no request was taken.
        """

        def report(errors: asyncio.Future[Errors]) -> None:
            for request, error in zip(requests, errors.result(), strict=True):
                if error is not None:
                    on_error(request, error)

        self._enqueue(stream, requests).errors.add_done_callback(report)

    async def drain(self) -> None:
        """Wait until everything handed in is confirmed or has failed, at most as long as a write may take."""
        writing = {queue.writing for queue in self._queues.values() if queue.writing is not None}
        if writing:
            await asyncio.wait(writing, timeout=self._limits.seconds)

    def _enqueue(self, stream: str, requests: Sequence[WriteRequest]) -> _PendingWrite:
        size = sum(request.size for request in requests)
        queue = self._queues.get(stream) or _StreamQueue()
        if self._is_full(queue, size):
            raise BufferFull
        loop = asyncio.get_running_loop()
        self._last_request = time.monotonic()
        if self._unconfirmed_since is None:
            self._unconfirmed_since = self._last_request
        pending = _PendingWrite(requests, size, loop.create_future())
        self._count_bytes(queue, size)
        queue.pending.append(pending)
        if queue.writing is None:
            self._queues[stream] = queue
            queue.writing = loop.create_task(self._write_queue(stream, queue))
        return pending

    def _is_full(self, queue: _StreamQueue, size: int) -> bool:
        """Whether so many bytes more are too many, in all or for the stream; one write alone is always taken."""
        limit, in_all, of_stream = self._limits.bytes, self._unconfirmed_bytes, queue.unconfirmed_bytes
        too_many_in_all = in_all > 0 and in_all + size > limit
        return too_many_in_all or (of_stream > 0 and of_stream + size > limit * self._limits.stream_share)

    def _count_bytes(self, queue: _StreamQueue, size: int) -> None:
        queue.unconfirmed_bytes += size
        self._unconfirmed_bytes += size

    def _time_out(self, stream: str, pending: _PendingWrite) -> None:
        """Wait no longer, but never cancel: a write that is under way cannot be taken back."""
        log.warning("%s: not confirmed within %g s", stream, self._limits.seconds)
        pending.resolve([WriteUnconfirmed()] * len(pending.requests))
        queue = self._queues.get(stream)
        if queue is not None and pending in queue.pending:
            queue.pending.remove(pending)
            self._count_bytes(queue, -pending.size)

    async def _write_queue(self, stream: str, queue: _StreamQueue) -> None:
        while queue.pending:
            batch = _next_batch(queue.pending)
            errors = await self._publish_all(stream, [request for pending in batch for request in pending.requests])
            confirmed = not any(isinstance(error, WriteUnconfirmed) for error in errors)
            for pending in batch:
                count = len(pending.requests)
                self._count_bytes(queue, -pending.size)
                pending.resolve(errors[:count])
                errors = errors[count:]
            if confirmed:
                self._unconfirmed_since = time.monotonic() if self._unconfirmed_bytes else None
        del self._queues[stream]

    async def _publish_all(self, stream: str, requests: Sequence[WriteRequest]) -> Errors:
        error = await self._publish(stream, requests)
        if isinstance(error, RecordTooLarge) and len(requests) > 1:  # of one request: the others shall be written
            return [await self._publish(stream, [request]) for request in requests]
        return [error] * len(requests)

    async def _publish(self, stream: str, requests: Sequence[WriteRequest]) -> Exception | None:
        try:
            await self._publisher.publish([_joined_output(self._topic, stream, requests)])
        except TransientError as error:
            log.warning("%s: not confirmed: %s", stream, error)
            return WriteUnconfirmed()
        except Exception as error:
            return error
        return None


def _next_batch(pending: deque[_PendingWrite]) -> list[_PendingWrite]:
    """Take what is written together from the front of a queue."""
    batch = [pending.popleft()]
    size = batch[0].size
    while pending and size + pending[0].size <= MAX_WRITE_BYTES:
        batch.append(pending.popleft())
        size += batch[-1].size
    return batch


def _joined_output(topic: Topic[Any], stream: str, requests: Sequence[WriteRequest]) -> AnyOutputs:
    """The records of all requests, with their headers."""
    values: list[bytes] = []
    keys: list[bytes] = []
    headers: dict[int, Headers] = {}
    for request in requests:
        first = len(values)
        values += request.values
        keys += request.keys
        for index, own in request.headers.items():
            headers[first + index] = own
    return Outputs(topic, stream, values, keys, headers=headers)
