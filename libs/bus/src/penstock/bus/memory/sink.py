"""The producer of the memory log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from penstock.bus.partition_order import PartitionOrder
from penstock.bus.ports import RecordBatch, TopicPartition

if TYPE_CHECKING:
    from penstock.bus.memory.log import MemoryLog


class MemorySink:
    """The producer of the memory log. Like Kafka's it yields: the records of each partition are appended later."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._order: PartitionOrder[None] = PartitionOrder()

    async def send(self, batches: Sequence[RecordBatch]) -> Awaitable[None]:
        """Append the records; the result is done when they are appended."""
        return _all(self._order.run_each(batches, self._append))

    async def _append(self, _: TopicPartition, batches: Sequence[RecordBatch]) -> None:
        await self._log.reach()
        self._log.append(batches)

    async def close(self) -> None:
        """Nothing is being sent."""


async def _all(writing: Sequence[asyncio.Task[None]]) -> None:
    """Wait for every write, also after one has failed."""
    for outcome in await asyncio.gather(*writing, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
