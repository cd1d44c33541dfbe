"""A value that is found at most every so many seconds, however many ask for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class RecentValue(Generic[T]):
    """The value of `find`, at most `seconds` old. All who ask meanwhile wait for one finding."""

    def __init__(
        self, find: Callable[[], Awaitable[T]], seconds: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._find = find
        self._seconds = seconds
        self._now = now
        self._turn = asyncio.Lock()
        self._found: tuple[float, T] | None = None

    def forget(self) -> None:
        """Find it anew for the next who asks."""
        self._found = None

    async def get(self) -> T:
        """The value; what `find` raises is raised, and found anew by the next who asks."""
        async with self._turn:
            if self._found is None or self._now() - self._found[0] >= self._seconds:
                self._found = (self._now(), await self._find())
            return self._found[1]
