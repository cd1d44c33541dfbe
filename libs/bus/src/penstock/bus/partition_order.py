"""Writes to one topic partition in the order in which they were handed over; other partitions do not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.ports import RecordBatch, TopicPartition

T = TypeVar("T")


class PartitionOrder(Generic[T]):
    """Runs writes one after the other for each topic partition.

    `run` takes the place in the queue before it returns, so whoever calls first writes first, however long a write
    waits. After a write has failed, the later ones of its partition fail too: none may overtake it.
    """

    def __init__(self) -> None:
        self._last: dict[TopicPartition, asyncio.Task[T]] = {}
        self._unfinished: set[asyncio.Task[T]] = set()
        self._closed = False

    def run(self, topic_partition: TopicPartition, write: Callable[[], Awaitable[T]]) -> asyncio.Task[T]:
        """Queue a write; the task is done when it was made.

        The task raises what the write raised, or `BrokerUnavailable` when an earlier write of the partition failed.
        """
        task = asyncio.get_running_loop().create_task(self._run(self._last.get(topic_partition), write))
        self._unfinished.add(task)
        task.add_done_callback(self._finish)
        self._last[topic_partition] = task
        return task

    def run_each(
        self,
        batches: Sequence[RecordBatch],
        write: Callable[[TopicPartition, Sequence[RecordBatch]], Awaitable[T]],
    ) -> list[asyncio.Task[T]]:
        """Queue one `write` for each topic partition, with its batches in their order."""
        groups: dict[TopicPartition, list[RecordBatch]] = {}
        for batch in batches:
            groups.setdefault((batch.topic, batch.partition), []).append(batch)
        return [
            self.run(topic_partition, partial(write, topic_partition, group))
            for topic_partition, group in groups.items()
        ]

    def close(self) -> None:
        """Give up what was not written yet; whoever waits for it gets a `BrokerUnavailable`."""
        self._closed = True
        for task in self._unfinished:
            task.cancel()

    async def _run(self, previous: asyncio.Task[T] | None, write: Callable[[], Awaitable[T]]) -> T:
        try:
            if previous is not None and not previous.done():
                await asyncio.wait({previous})
            if previous is not None and (previous.cancelled() or previous.exception() is not None):
                raise BrokerUnavailable("an earlier write to the partition failed")
            return await write()
        except asyncio.CancelledError:
            if self._closed:
                raise BrokerUnavailable("the producer was closed before the write was made") from None
            raise

    def _finish(self, task: asyncio.Task[T]) -> None:
        self._unfinished.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits for the write sees it; if nobody does, the event loop need not complain
