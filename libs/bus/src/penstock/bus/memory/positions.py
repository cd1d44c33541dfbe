"""Where a consumer of the memory log reads: the next offset of each topic partition, and the gaps that it met."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from penstock.bus.ports import FetchedBatch, Gap, TopicPartition

if TYPE_CHECKING:
    from penstock.bus.memory.log import MemoryLog
    from penstock.bus.memory.partition import MemoryPartition


class Positions:
    """The offset to read next of each topic partition. One with a gap is read again after `seek`."""

    def __init__(self, log: MemoryLog) -> None:
        self.next: dict[TopicPartition, int] = {}
        self.paused: set[TopicPartition] = set()
        self._log = log
        self._topic_ids: dict[TopicPartition, str] = {}
        self._gaps: dict[TopicPartition, Gap] = {}

    def start(self, key: TopicPartition, position: int, topic_id: str | None = None) -> None:
        """Read a topic partition from a position on, which counts for the topic of that id, by default the present."""
        partition = self._log.partition(key)
        self.next[key] = position
        self._topic_ids[key] = topic_id or (partition.topic_id if partition else "")

    def topic_id(self, key: TopicPartition) -> str | None:
        """The id of the topic that the position is of."""
        return self._topic_ids.get(key)

    def stop(self, keys: Collection[TopicPartition]) -> None:
        """Read these no more."""
        for key in list(keys):
            self.next.pop(key, None)
            self._topic_ids.pop(key, None)
            self._gaps.pop(key, None)
            self.paused.discard(key)

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read on from these offsets, of those that are read: behind a gap in the topic that it was found in, else in
        the topics as they are now.
        """
        for key, position in positions.items():
            if key in self.next:
                gap = self._gaps.pop(key, None)
                self.start(key, position, gap.topic_id if gap else None)

    def fetch(self, max_records: int) -> list[FetchedBatch]:
        """At most so many records; a gap once, and nothing of its topic partition after it."""
        batches = []
        for key in list(self.next):
            if max_records <= 0:
                break
            if key not in self.paused and key not in self._gaps:
                batch, taken = self._fetch_partition(key, max_records)
                batches += [batch] if batch else []
                max_records -= taken
        return batches

    def _fetch_partition(self, key: TopicPartition, max_records: int) -> tuple[FetchedBatch | None, int]:
        partition, position = self._log.partition(key), self.next[key]
        if partition is None:
            return None, 0
        gap = self._gap(key, partition, position)
        if gap is not None:
            self._gaps[key] = gap
            return FetchedBatch(*key, (), position, gap), 0
        entries = partition.read(position, max_records)
        if not entries:
            return None, 0
        self.next[key] = position + len(entries)
        return FetchedBatch(*key, [entry for entry in entries if entry is not None], self.next[key]), len(entries)

    def _gap(self, key: TopicPartition, partition: MemoryPartition, position: int) -> Gap | None:
        if partition.topic_id != self._topic_ids[key]:
            return Gap("replaced", position, partition.beginning, partition.topic_id)
        return partition.gap_at(position)

    async def poll(self, max_records: int, wait: float) -> list[FetchedBatch]:
        """What can be fetched, waiting so many seconds for it."""
        await asyncio.sleep(0)
        batches = self.fetch(max_records)
        if batches or wait <= 0:
            return batches
        await self._log.wait_for_append(wait)
        return self.fetch(max_records)
