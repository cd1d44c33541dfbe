"""Commands by their keys: whoever sends one twice waits for the first, and gets its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

MOST_KEPT = 1000

T = TypeVar("T")


class SentCommands(Generic[T]):
    """The newest commands that are under way or were carried out.

    The registry knows keys too. This one keeps a person who pressed a button twice from being told that the epoch is
    another one by now.
    """

    def __init__(self) -> None:
        self._sent: dict[str, asyncio.Task[T]] = {}

    async def send(self, key: str, command: Callable[[], Awaitable[T]]) -> T:
        """What came of the command, which is sent unless one of the same key was; what it raises may be sent again."""
        task = self._sent.get(key)
        if task is None:
            task = self._sent[key] = asyncio.ensure_future(command())
            while len(self._sent) > MOST_KEPT:
                del self._sent[next(iter(self._sent))]
        try:
            return await asyncio.shield(task)
        except Exception:
            if self._sent.get(key) is task:
                del self._sent[key]
            raise
