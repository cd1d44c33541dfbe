"""Who waits for the answer to one event, and who listens to all predictions of a key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from penstock.ingestion.answer import Answer, EventName

MAX_QUEUE = 1000  # answers that may await a slow listener

Listener = asyncio.Queue[Answer | None]
"""The predictions of a key from now on; None ends it: the listener was too slow."""


class AnswerSubscriptions:
    """Waiters by event and key, and listeners by stream and key."""

    def __init__(self) -> None:
        self._waiters: dict[tuple[EventName, bytes], set[asyncio.Future[Answer]]] = {}
        self._listeners: dict[tuple[str, bytes], set[Listener]] = {}

    async def wait(self, name: EventName, key: bytes, seconds: float) -> Answer | None:
        """The next answer to an event under a key, None when none comes within so many seconds."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault((name, key), set())
        waiters.add(answer)
        try:
            await asyncio.wait({answer}, timeout=seconds)
        finally:
            waiters.discard(answer)
            if not waiters:
                self._waiters.pop((name, key), None)
        return answer.result() if answer.done() else None

    @contextmanager
    def listen(self, stream: str, key: bytes) -> Iterator[Listener]:
        """A queue of the predictions under a key from now on."""
        listener: Listener = asyncio.Queue(MAX_QUEUE + 1)
        listeners = self._listeners.setdefault((stream, key), set())
        listeners.add(listener)
        try:
            yield listener
        finally:
            listeners.discard(listener)
            if not listeners:
                self._listeners.pop((stream, key), None)

    @property
    def count(self) -> int:
        """How many wait or listen."""
        return sum(map(len, self._waiters.values())) + sum(map(len, self._listeners.values()))

    def notify(self, name: EventName, answer: Answer) -> None:
        """Pass an answer to those who wait for it, and a prediction to those who listen to its key."""
        for waiter in self._waiters.get((name, answer.key), ()):
            if not waiter.done():
                waiter.set_result(answer)
        if answer.kind == "prediction" and self._listeners:
            for listener in self._listeners.get((name[0], answer.key), ()):
                if listener.qsize() < MAX_QUEUE:
                    listener.put_nowait(answer)
                elif not listener.full():
                    listener.put_nowait(None)
