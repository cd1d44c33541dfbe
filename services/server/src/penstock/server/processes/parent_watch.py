"""A child watches its parent, and ends when the parent has ended, however that happened."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

POLL_INTERVAL_S = 1.0


def parent_watch_tasks(parent: int | None) -> list[Callable[[], Awaitable[None]]]:
    """The task that ends this process once the process `parent` is gone; no task if it was started by itself."""

    async def watch() -> None:
        while os.getppid() == parent:  # noqa: ASYNC110 (nothing tells a process that its parent has ended)
            await asyncio.sleep(POLL_INTERVAL_S)
        os.kill(os.getpid(), signal.SIGTERM)

    return [] if parent is None else [watch]
