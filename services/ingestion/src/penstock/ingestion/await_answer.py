"""Looking up an event's answer: at once, waiting for it, or listening to all predictions of a key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal
from penstock.ingestion.answer import Answer
from penstock.ingestion.answer_cache import AnswerCache
from penstock.ingestion.answer_follower import AnswerFollower
from penstock.ingestion.answer_subscriptions import Listener
from penstock.ingestion.intake import AcceptedRecord, Verdict

MAX_SUBSCRIPTIONS = 10_000  # requests that wait or listen at once
CATCH_UP_WITHIN = 10.0  # seconds


class AnswerLookup:
    """Finds answers, and waits for them; a stream is followed from the first lookup on."""

    def __init__(self, cache: AnswerCache, watch: AnswerFollower) -> None:
        self._cache = cache
        self._watch = watch

    async def find(self, declared: StreamDeclared, source: str, event_id: str) -> Answer | None:
        """The answer to an event, None when there is none.

        Raises:
            TimeoutError: the stream's answers were not read in time, so that it is not known.
        """
        caught_up = self._watch.follow(declared)
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
        self, declared: StreamDeclared, accept: Callable[[], Awaitable[Verdict]], seconds: float
    ) -> tuple[Verdict, Answer | None]:
        """Accept an event, and wait for its answer; no answer if it was refused, or if none comes in time.

        The stream's answers up to now must be read first, or else an old rejection could pass for the answer to an
        event that is sent again, corrected.
        """
        caught_up = self._watch.follow(declared)
        try:
            async with asyncio.timeout(seconds):
                await caught_up.wait()
        except TimeoutError:
            return await accept(), None
        count = self._cache.count
        verdict = await accept()
        if isinstance(verdict, Refusal) or self.is_full:
            return verdict, None
        return verdict, await self.wait(declared.name, verdict, count, seconds)

    async def wait(self, stream: str, event: AcceptedRecord, after: int, seconds: float) -> Answer | None:
        """The answer to an accepted event within so many seconds, else None.

        A prediction counts whenever it was made, since an event that is sent again is not predicted again; a rejection
        counts only if it came after the answer with the number `after`.
        """
        answer = self._cache.find(stream, event.source, event.id)
        if answer is not None and answer.key == event.key and (answer.kind == "prediction" or answer.number > after):
            return answer
        return await self._cache.subscriptions.wait((stream, event.source, event.id), event.key, seconds)

    def listen(self, declared: StreamDeclared, key: bytes) -> AbstractContextManager[Listener]:
        """A queue of the predictions under a key from now on."""
        self._watch.follow(declared)
        return self._cache.subscriptions.listen(declared.name, key)

    @property
    def is_full(self) -> bool:
        """Whether as many wait or listen as may."""
        return self._cache.subscriptions.count >= MAX_SUBSCRIPTIONS

    async def close(self) -> None:
        """Stop following streams."""
        await self._watch.close()
