"""Micro-batches across connections: requests that arrive while a batch is processed go into the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Q = TypeVar("Q")
R = TypeVar("R")

MAX_WAIT = 0.01  # seconds after which a batch starts beside one that is still being processed


@dataclass(slots=True, eq=False)
class PendingRequest(Generic[Q, R]):
    """A request of so many rows, and the future of its result."""

    request: Q
    rows: int
    future: asyncio.Future[R]

    def resolve(self, result: R) -> None:
        """Set the result; whoever submitted the request may be gone."""
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        """Set an error in place of a result; a result that is already set stands."""
        if not self.future.done():
            self.future.set_exception(error)


class MicroBatches(Generic[Q, R]):
    """Batches requests. When idle, a batch starts at once, with all that was read in the same turn of the event loop.

    `process` resolves the requests of a batch; those it leaves unresolved fail with the error that it raised. A batch
    has at most `max_rows` rows, or is a single request. Requests are taken in order, and none waits longer than
    `max_wait` seconds for another batch.
    """

    def __init__(
        self,
        process: Callable[[Sequence[PendingRequest[Q, R]]], Awaitable[None]],
        max_rows: int,
        max_wait: float = MAX_WAIT,
    ) -> None:
        self._process = process
        self._max_rows = max_rows
        self._max_wait = max_wait
        self._queue: deque[PendingRequest[Q, R]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_start: asyncio.Handle | None = None

    async def submit(self, request: Q, rows: int) -> R:
        """The result of a request of `rows` rows; raises what processing it raised."""
        pending: PendingRequest[Q, R] = PendingRequest(request, rows, asyncio.get_running_loop().create_future())
        self._queue.append(pending)
        self._schedule()
        return await pending.future

    def _schedule(self) -> None:
        """Schedule the next batch: after this turn, or once the batch before it has taken `max_wait` seconds."""
        if self._queue and self._next_start is None:
            loop = asyncio.get_running_loop()
            start = self._start
            self._next_start = loop.call_later(self._max_wait, start) if self._tasks else loop.call_soon(start)

    def _start(self) -> None:
        self._next_start = None
        task = asyncio.get_running_loop().create_task(self._process_batch(self._next_batch()))
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        self._schedule()

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._next_start is not None and not self._tasks:
            self._next_start.cancel()
            self._start()

    def _next_batch(self) -> list[PendingRequest[Q, R]]:
        batch = [self._queue.popleft()]
        rows = batch[0].rows
        while self._queue and rows + self._queue[0].rows <= self._max_rows:
            batch.append(self._queue.popleft())
            rows += batch[-1].rows
        return batch

    async def _process_batch(self, batch: Sequence[PendingRequest[Q, R]]) -> None:
        try:
            await self._process(batch)
        except Exception as error:
            for pending in batch:
                pending.fail(error)
        finally:
            for pending in batch:
                pending.future.cancel()  # has an effect only when this task was cancelled: a result stands
