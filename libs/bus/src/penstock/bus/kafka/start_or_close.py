"""Starting a client of Kafka: one that fails to start is stopped, so that none is left half open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any


async def start_client(start: Callable[[], Awaitable[Any]], stop: Callable[[], Awaitable[Any]]) -> None:
    """Call `start`; if it fails or is cancelled, call `stop` too, and raise."""
    try:
        await start()
    except BaseException:
        await stop()
        raise
