"""Micro-batches across connections: what is asked while a batch is answered waits for the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

LONGEST_WAIT = 0.01  # seconds after which a batch starts beside one that is still being answered


@dataclass(slots=True, eq=False)
class PendingRequest(Generic[Q, A]):
    """A question of so many rows, and the place for its answer."""

    question: Q
    rows: int
    outcome: asyncio.Future[A]

    def answer(self, found: A) -> None:
        """Give the answer; whoever asked may have gone."""
        if not self.outcome.done():
            self.outcome.set_result(found)

    def refuse(self, error: Exception) -> None:
        """Give an error instead of an answer; an answer that was given stands."""
        if not self.outcome.done():
            self.outcome.set_exception(error)


class MicroBatches(Generic[Q, A]):
    """Gathers questions. An idle one starts at once, with all that was read in the same turn of the event loop.

    `answer_all` answers a batch; what it leaves unanswered gets the error that it raised. A batch has at most `most`
    rows, or one question. Questions are taken in order, and none waits longer than `longest_wait` for another batch.
    """

    def __init__(
        self,
        answer_all: Callable[[Sequence[PendingRequest[Q, A]]], Awaitable[None]],
        most: int,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self._answer_all = answer_all
        self._most = most
        self._longest_wait = longest_wait
        self._waiting: deque[PendingRequest[Q, A]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._start: asyncio.Handle | None = None

    async def ask(self, question: Q, rows: int) -> A:
        """The answer to a question of `rows` rows; raises what answering it raised."""
        asking: PendingRequest[Q, A] = PendingRequest(question, rows, asyncio.get_running_loop().create_future())
        self._waiting.append(asking)
        self._plan()
        return await asking.outcome

    def _plan(self) -> None:
        """See to it that the next batch starts: after this turn, or when the wait for the one before has been long."""
        if self._waiting and self._start is None:
            loop = asyncio.get_running_loop()
            begin = self._begin
            self._start = loop.call_later(self._longest_wait, begin) if self._tasks else loop.call_soon(begin)

    def _begin(self) -> None:
        self._start = None
        task = asyncio.get_running_loop().create_task(self._answer(self._next_batch()))
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        self._plan()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._start is not None and not self._tasks:
            self._start.cancel()
            self._begin()

    def _next_batch(self) -> list[PendingRequest[Q, A]]:
        batch = [self._waiting.popleft()]
        rows = batch[0].rows
        while self._waiting and rows + self._waiting[0].rows <= self._most:
            batch.append(self._waiting.popleft())
            rows += batch[-1].rows
        return batch

    async def _answer(self, batch: Sequence[PendingRequest[Q, A]]) -> None:
        try:
            await self._answer_all(batch)
        except Exception as error:
            for asking in batch:
                asking.refuse(error)
        finally:
            for asking in batch:
                asking.outcome.cancel()  # only when this was: an answer stands
