"""The longest turn of the event loop: how long one piece of work keeps all others waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Turns(Generic[T]):
    """The result of a piece of work, the CPU seconds of its longest turn, and those of all its turns together."""

    result: T
    longest: float
    total: float


async def measure_turns(work: Awaitable[T]) -> Turns[T]:
    """Await `work`, and look at the process's CPU time once a turn.

    CPU time counts what this process does, whatever else runs on the machine. Threads are in it: one that holds the
    interpreter keeps the loop from its turn.
    """
    task = asyncio.ensure_future(work)
    first = last = time.process_time()
    longest = 0.0
    while not task.done():
        await asyncio.sleep(0)
        now = time.process_time()
        longest, last = max(longest, now - last), now
    return Turns(task.result(), longest, last - first)
