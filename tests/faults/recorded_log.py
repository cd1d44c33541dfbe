"""The memory log, which remembers what was on it and what a fault took away: evidence that no fault destroys."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from penstock.bus.memory.log import MemoryLog
from penstock.bus.memory.partition import MemoryRecord
from penstock.bus.ports import Clock, RecordBatch, TopicPartition

Fault = Literal["", "expired", "lost", "replaced", "reused"]
"""What befell a record: it expired, was in a tail that was lost, went with its topic; or took a lost one's offset."""


@dataclass
class Recorded:
    """A record that was appended at some time, and what befell it."""

    record: MemoryRecord
    fault: Fault = ""
    topic: int = 0  # how often its topic had been made anew before


class RecordedLog(MemoryLog):
    """Keeps every append; `history` has those of a topic partition in their order."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.history: defaultdict[TopicPartition, list[Recorded]] = defaultdict(list)
        self._made_anew: Counter[str] = Counter()  # how often each was made anew
        self._lost_until: dict[TopicPartition, int] = {}  # offsets below it were held by records that were lost

    def append(self, batches: Sequence[RecordBatch]) -> None:
        """Append records, and keep them."""
        for batch in batches:
            key = (batch.topic, batch.partition)
            partition = self.partition(key)
            end = partition.end if partition else 0
            super().append([batch])
            assert partition is not None  # else nothing could be appended
            reused_below = self._lost_until.get(key, 0)
            self.history[key] += [
                Recorded(record, "reused" if record.offset < reused_below else "", self._made_anew[batch.topic])
                for record in partition.read(end, len(batch.values))
                if record is not None
            ]

    def expire(self, topic_partition: TopicPartition, before_offset: int) -> None:
        """Drop the records before an offset, as retention does."""
        self._mark(topic_partition, "expired", lambda offset: offset < before_offset)
        super().expire(topic_partition, before_offset)

    def truncate(self, topic_partition: TopicPartition, end: int) -> None:
        """Drop the records from an offset on, as an unclean broker does."""
        self._mark(topic_partition, "lost", lambda offset: offset >= end)
        partition = self.partition(topic_partition)
        if partition is not None:
            self._lost_until[topic_partition] = max(partition.end, self._lost_until.get(topic_partition, 0))
        super().truncate(topic_partition, end)

    def recreate(self, topic: str) -> None:
        """Delete a topic with the commits to it, and make it anew."""
        for key in self.partitions_of(topic):
            self._mark(key, "replaced", lambda _: True)
            self._lost_until.pop(key, None)
        self._made_anew[topic] += 1
        super().recreate(topic)

    def _mark(self, key: TopicPartition, fault: Fault, is_hit: Callable[[int], bool]) -> None:
        present = {record.offset for record in self.records_of(key)}
        for recorded in reversed(self.history[key]):
            offset = recorded.record.offset
            if offset in present:
                present.remove(offset)
                if is_hit(offset):
                    recorded.fault = recorded.fault or fault
