"""Looking up an event's answer: at once, waiting for it, or listening to all predictions of a key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

from penstock.contracts.records.streams import StreamDeclared
from penstock.ingestion.admission import AdmittedRecord
from penstock.ingestion.answer import Answer
from penstock.ingestion.answer_cache import AnswerCache
from penstock.ingestion.answer_follower import AnswerFollower
from penstock.ingestion.answer_subscriptions import Listener
from penstock.ingestion.awaited_event import AwaitedEvent
from penstock.ingestion.intake import OnAdmitted, Verdict

MAX_SUBSCRIPTIONS = 10_000  # requests that wait or listen at once
CATCH_UP_WITHIN = 10.0  # seconds

Accept = Callable[[OnAdmitted | None], Awaitable[Verdict]]
"""Submits an event; with a function to call before it is written if its answer is awaited."""


class AnswerLookup:
    """Finds answers, and waits for them; a stream is followed from the first lookup on."""

    def __init__(self, cache: AnswerCache, follower: AnswerFollower) -> None:
        self._cache = cache
        self._follower = follower

    async def find(self, declared: StreamDeclared, source: str, event_id: str) -> Answer | None:
        """The answer to an event, None when there is none.

        Raises:
            TimeoutError: the stream's answers were not read in time, so that it is not known.
        """
        caught_up = self._follower.follow(declared)
        answer = self._cache.find(declared.name, source, event_id)
        if answer is None and not caught_up.is_set():
            async with asyncio.timeout(CATCH_UP_WITHIN):
                await caught_up.wait()
            answer = self._cache.find(declared.name, source, event_id)
        return answer

    def has_dropped(self, declared: StreamDeclared, source: str, event_id: str) -> bool:
        """Whether there was an answer to the event that is no longer kept."""
        return self._cache.has_dropped(declared.name, source, event_id)

    async def accept_and_wait(
        self, declared: StreamDeclared, accept: Accept, seconds: float
    ) -> tuple[Verdict, Answer | None]:
        """Accept an event, and wait for its answer; no answer if it was refused, or if none comes in time.

        A prediction counts whenever it was made, since an event that is sent again is not predicted again; a rejection
        counts only from now on, since what was rejected may be sent again. So the answers up to now are read first.
        """
        caught_up = self._follower.follow(declared)
        try:
            async with asyncio.timeout(seconds):
                await caught_up.wait()
        except TimeoutError:
            return await accept(None), None
        if self.is_full:
            return await accept(None), None
        return await self._accept_awaited(declared.name, accept, seconds)

    async def _accept_awaited(self, stream: str, accept: Accept, seconds: float) -> tuple[Verdict, Answer | None]:
        event: AwaitedEvent | None = None
        gave_up = False

        def on_admitted(record: AdmittedRecord) -> None:
            nonlocal event
            if not gave_up:
                event = self._await(AwaitedEvent(stream, record))

        try:
            verdict = await accept(on_admitted)
            return verdict, None if event is None else await event.answer(seconds)
        finally:
            gave_up = True
            if event is not None:
                self._cache.subscriptions.remove(event)

    def _await(self, event: AwaitedEvent) -> AwaitedEvent:
        self._cache.subscriptions.add(event)
        earlier = self._cache.find(*event.name)
        if earlier is not None and earlier.kind == "prediction":
            event.offer(earlier)
        return event

    def listen(self, declared: StreamDeclared, key: bytes) -> AbstractContextManager[Listener]:
        """A queue of the predictions under a key from now on."""
        self._follower.follow(declared)
        return self._cache.subscriptions.listen(declared.name, key)

    @property
    def is_full(self) -> bool:
        """Whether as many wait or listen as may."""
        return self._cache.subscriptions.count >= MAX_SUBSCRIPTIONS

    async def close(self) -> None:
        """Stop following streams."""
        await self._follower.close()
