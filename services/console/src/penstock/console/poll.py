"""Calling again until there is a result."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def poll(
    check: Callable[[], Awaitable[T | None]],
    pause_s: float,
    longest_pause_s: float | None = None,
    attempts: int | None = None,
) -> T:
    """The first result of `check` that is not None.

    Args:
        check: what is called again and again.
        pause_s: seconds between two calls.
        longest_pause_s: the pause doubles with every call, up to this.
        attempts: how many calls to make at most.

    Raises:
        TimeoutError: no call of `attempts` had a result.
    """
    made = 0
    while (result := await check()) is None:
        made += 1
        if made == attempts:
            raise TimeoutError(f"no result after {attempts} attempts")
        await asyncio.sleep(pause_s)
        if longest_pause_s is not None:
            pause_s = min(2 * pause_s, longest_pause_s)
    return result
