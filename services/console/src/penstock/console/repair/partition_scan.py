"""Reading topic partitions one after the other, from given offsets to the ends as they are now."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping

from penstock.bus.ports import FetchedBatch, Log, TopicPartition
from penstock.console.log_client import POLL_S

OnRead = Callable[[int], None]
"""Called with how many more records were read."""


def ignore(records: int) -> None:
    """Tell nobody."""


def running_total(show: Callable[[int], None]) -> OnRead:
    """Shows after each part how many records were read in all."""
    total = 0

    def on_read(records: int) -> None:
        nonlocal total
        total += records
        show(total)

    return on_read


async def scan(
    log: Log, starts: Mapping[TopicPartition, int], on_read: OnRead = ignore
) -> AsyncGenerator[FetchedBatch]:
    """The records of the topic partitions, which exist: in order, and in bounded memory however many they are."""
    ends = await log.end_offsets(list(starts))
    for topic_partition, start in sorted(starts.items()):
        end = ends[topic_partition]
        if start >= end:
            continue
        reader = await log.reader({topic_partition: start})
        try:
            while await reader.is_behind({topic_partition: end}):
                for batch in await reader.poll(POLL_S):
                    on_read(len(batch.records))
                    yield batch
        finally:
            await reader.close()
