"""Who waits for the answer to one event, and who listens to all predictions of a key."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from penstock.ingestion.answer import Answer, EventName
from penstock.ingestion.awaited_event import AwaitedEvent

MAX_QUEUE = 1000  # answers that may await a slow listener

Listener = asyncio.Queue[Answer | None]
"""The predictions of a key from now on; None ends it: the listener was too slow."""


class AnswerSubscriptions:
    """Awaited events by name, and listeners by stream and key."""

    def __init__(self) -> None:
        self._awaited: dict[EventName, set[AwaitedEvent]] = {}
        self._listeners: dict[tuple[str, bytes], set[Listener]] = {}
        self._counts: Counter[str] = Counter()

    def add(self, event: AwaitedEvent) -> None:
        """Offer the event the answers to its name from now on."""
        self._awaited.setdefault(event.name, set()).add(event)
        self._counts[event.name[0]] += 1

    def remove(self, event: AwaitedEvent) -> None:
        """The event is awaited no more."""
        awaited = self._awaited[event.name]
        awaited.discard(event)
        if not awaited:
            del self._awaited[event.name]
        self._uncount(event.name[0])

    @contextmanager
    def listen(self, stream: str, key: bytes) -> Iterator[Listener]:
        """A queue of the predictions under a key from now on."""
        listener: Listener = asyncio.Queue(MAX_QUEUE + 1)
        listeners = self._listeners.setdefault((stream, key), set())
        listeners.add(listener)
        self._counts[stream] += 1
        try:
            yield listener
        finally:
            listeners.discard(listener)
            if not listeners:
                self._listeners.pop((stream, key), None)
            self._uncount(stream)

    def _uncount(self, stream: str) -> None:
        self._counts[stream] -= 1
        if not self._counts[stream]:
            del self._counts[stream]

    @property
    def count(self) -> int:
        """How many wait or listen."""
        return self._counts.total()

    def has_any(self, stream: str) -> bool:
        """Whether someone waits or listens on the stream."""
        return stream in self._counts

    def notify(self, name: EventName, answer: Answer, *, is_new: bool) -> None:
        """Offer an answer to those who wait for it, and a new prediction to those who listen to its key."""
        for event in self._awaited.get(name, ()):
            event.offer(answer)
        if is_new and answer.kind == "prediction" and self._listeners:
            for listener in self._listeners.get((name[0], answer.key), ()):
                if listener.qsize() < MAX_QUEUE:
                    listener.put_nowait(answer)
                elif not listener.full():
                    listener.put_nowait(None)
