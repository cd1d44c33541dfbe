"""Sends batches, a bounded number at a time: rows are read no faster than the services take them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from penstock.client.batches import Batch

Progress = Callable[[int], object]
"""Called with the number of rows of each batch that is done, as `tqdm(total=len(frame)).update` likes it."""


async def send_batches(batches: Iterable[Batch], send: Callable[[Batch], Awaitable[None]], most_in_flight: int) -> None:
    """Send the batches; with one in flight they keep their order, and the next is made meanwhile.

    The first failure is raised; what was in flight then is cancelled, and whether it was taken is unknown.
    """
    slots = asyncio.Semaphore(most_in_flight)

    async def send_one(batch: Batch) -> None:
        try:
            await send(batch)
        finally:
            slots.release()

    try:
        async with asyncio.TaskGroup() as tasks:
            for batch in batches:
                await slots.acquire()
                tasks.create_task(send_one(batch))
                await asyncio.sleep(0)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
