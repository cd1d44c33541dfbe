"""A child does not outlive the process that started it, however that ended."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

LOOK_EVERY = 1.0  # seconds


def end_with(supervisor: int | None) -> list[Callable[[], Awaitable[None]]]:
    """The task that ends this process once its supervisor is gone; none when it was started by itself."""

    async def watch() -> None:
        while os.getppid() == supervisor:  # noqa: ASYNC110 (nothing tells a process that it was adopted)
            await asyncio.sleep(LOOK_EVERY)
        os.kill(os.getpid(), signal.SIGTERM)

    return [] if supervisor is None else [watch]
