"""A load under way, which several may wait for."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """The task that loads a stream's newest models, and when it began; it never raises."""

    task: asyncio.Task[None]
    _began: float = field(default_factory=time.monotonic)

    async def wait(self, patience: float | None) -> None:
        """Wait until it ends, or with `patience` until it has taken so many seconds."""
        timeout = None if patience is None else max(self._began + patience - time.monotonic(), 0)
        await asyncio.wait({self.task}, timeout=timeout)
