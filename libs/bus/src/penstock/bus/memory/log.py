"""The memory log: a whole log in one process. It passes the behaviour suite that Kafka passes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from weakref import WeakSet

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.group import MemoryGroup
from penstock.bus.memory.partition import MemoryPartition, MemoryRecord
from penstock.bus.memory.sink import MemorySink
from penstock.bus.memory.source import MemoryReader, MemorySource
from penstock.bus.ports import Clock, NewTopic, RebalanceListener, RecordBatch, TopicPartition, TopicRetention
from penstock.bus.topics import require_stream_topics


def system_clock() -> int:
    """Wall time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class MemoryLog:
    """Topics in memory. `clock` gives the records' timestamps, so a test or a replay decides what time it is.

    While `away` it raises `BrokerUnavailable` wherever Kafka would.
    """

    def __init__(self, clock: Clock = system_clock) -> None:
        self.away = False
        self._clock = clock
        self._partitions: dict[TopicPartition, MemoryPartition] = {}
        self._topics: dict[str, NewTopic] = {}
        self._created = 0
        self._groups: dict[str, MemoryGroup] = {}
        self._readers: WeakSet[MemoryReader] = WeakSet()
        self._appended = asyncio.Event()

    async def reach(self) -> None:
        """Yield, as a request over a network does.

        Raises:
            BrokerUnavailable: the log is away.
        """
        await asyncio.sleep(0)
        if self.away:
            raise BrokerUnavailable("the log is away")

    async def create(self, topics: Sequence[NewTopic]) -> None:
        """Create the topics that do not exist yet; records expire by `expire` alone."""
        await self.reach()
        for topic in topics:
            if topic.name not in self._topics:
                self._create(topic)

    def _create(self, topic: NewTopic) -> None:
        self._created += 1
        self._topics[topic.name] = topic
        for number in range(topic.partitions):
            self._partitions[topic.name, number] = MemoryPartition(f"{topic.name}#{self._created}")

    async def source(self, group: str, listener: RebalanceListener) -> MemorySource:
        """Join a group."""
        await self.reach()
        return MemorySource(self, group, listener)

    async def sink(self) -> MemorySink:
        """A new producer."""
        await self.reach()
        return MemorySink(self)

    async def reader(self, starts: Mapping[TopicPartition, int | None]) -> MemoryReader:
        """Read topic partitions from an offset on; None: only new records."""
        await self.reach()
        reader = MemoryReader(self, {key: self._end(key) if start is None else start for key, start in starts.items()})
        self._readers.add(reader)
        return reader

    def _end(self, key: TopicPartition) -> int:
        partition = self.partition(key)
        return partition.end if partition is not None else 0

    async def end_offsets(self, topic_partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The next offset of each topic partition that exists."""
        await self.reach()
        return {key: self._partitions[key].end for key in topic_partitions if key in self._partitions}

    async def beginning_offsets(self, topic_partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset of each topic partition that exists."""
        await self.reach()
        return {key: self._partitions[key].beginning for key in topic_partitions if key in self._partitions}

    async def offsets_at(self, times: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The offset of the first record at or after a time, the end where every record is older."""
        await self.reach()
        return {key: self._partitions[key].offset_at(time) for key, time in times.items() if key in self._partitions}

    async def retention(self, topics: Collection[str]) -> dict[str, TopicRetention]:
        """The retention that the topics were made with; it deletes nothing."""
        await self.reach()
        return {topic: self._retention_of(self._topics[topic]) for topic in topics}

    def _retention_of(self, topic: NewTopic) -> TopicRetention:
        sizes = {number: self._partitions[topic.name, number].size for number in range(topic.partitions)}
        return TopicRetention(topic.retention_ms, topic.retention_bytes, sizes)

    async def delete_topics(self, topics: Collection[str]) -> None:
        """Delete those of the topics that exist, with all their records."""
        require_stream_topics(topics)
        await self.reach()
        for topic in topics:
            if topic in self._topics:
                self.delete(topic)

    async def existing(self, topics: Collection[str]) -> set[str]:
        """Those of the topics that exist."""
        await self.reach()
        return {topic for topic in topics if topic in self._topics}

    async def acknowledged_copies(self, topics: Collection[str]) -> dict[str, int]:
        """One of each topic that exists."""
        await self.reach()
        return {topic: 1 for topic in topics if topic in self._topics}

    async def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
        """The id of each topic that exists; a topic that was made anew has another."""
        await self.reach()
        return {topic: self._partitions[topic, 0].topic_id for topic in topics if topic in self._topics}

    async def committed(
        self, group: str, topic_partitions: Collection[TopicPartition] | None = None
    ) -> dict[TopicPartition, int]:
        """The positions that the group has committed, of these topic partitions alone if any are given."""
        await self.reach()
        commits = self.commits(group)
        return {key: at for key, at in commits.items() if topic_partitions is None or key in topic_partitions}

    async def group_members(self, prefix: str) -> dict[str, int]:
        """How many members each consumer group has now whose name begins so."""
        await self.reach()
        return {name: len(group.members) for name, group in self._groups.items() if name.startswith(prefix)}

    async def close(self) -> None:
        """Drop what is packed."""
        for partition in self._partitions.values():
            partition.close()

    def records_of(self, topic_partition: TopicPartition) -> list[MemoryRecord]:
        """The records of a topic partition, none when it does not exist."""
        partition = self.partition(topic_partition)
        return partition.records() if partition is not None else []

    def partition(self, topic_partition: TopicPartition) -> MemoryPartition | None:
        """A topic partition, None when it does not exist."""
        return self._partitions.get(topic_partition)

    def partitions_of(self, topic: str) -> list[TopicPartition]:
        """The topic partitions of a topic, none when it does not exist."""
        return [(topic, number) for number in range(self._topics[topic].partitions)] if topic in self._topics else []

    def group(self, name: str) -> MemoryGroup:
        """A consumer group, new if nobody has joined it yet."""
        return self._groups.setdefault(name, MemoryGroup(self))

    def commits(self, group: str) -> dict[TopicPartition, int]:
        """The group's positions, to read and to change."""
        return self.group(group).commits

    def append(self, batches: Sequence[RecordBatch]) -> None:
        """Append records.

        Raises:
            BrokerUnavailable: a topic does not exist.
        """
        now = self._clock()
        for batch in batches:
            partition = self._partitions.get((batch.topic, batch.partition))
            if partition is None:
                raise BrokerUnavailable(f"{batch.topic}/{batch.partition} does not exist")
            for index, (key, value) in enumerate(zip(batch.keys, batch.values, strict=True)):
                partition.append(now, key, value, batch.headers.get(index, ()))
        self._appended.set()

    def append_marker(self, topic_partition: TopicPartition) -> None:
        """Take an offset without a record, as Kafka does to end a transaction."""
        self._partitions[topic_partition].append_marker()
        self._appended.set()

    def handled(self, topic_partition: TopicPartition) -> int:
        """The offset before which every group and every reader of a topic partition has handled its records."""
        positions = [reader.position(topic_partition) for reader in self._readers]
        positions += [group.position(topic_partition) for group in self._groups.values()]
        return min((position for position in positions if position is not None), default=0)

    def pack(self, topic_partition: TopicPartition, before_offset: int) -> None:
        """Compress the records before an offset into a file: they take no memory, and longer to read."""
        self._partitions[topic_partition].pack(before_offset)

    def expire(self, topic_partition: TopicPartition, before_offset: int) -> None:
        """Drop the records before an offset, as retention does."""
        self._partitions[topic_partition].expire(before_offset)

    def truncate(self, topic_partition: TopicPartition, end: int) -> None:
        """Drop the records from an offset on, as an unclean broker does."""
        self._partitions[topic_partition].truncate(end)

    def recreate(self, topic: str) -> None:
        """Delete a topic with the commits to it, and make it anew."""
        self._create(self.delete(topic))

    def delete(self, topic: str) -> NewTopic:
        """Delete a topic with the commits to it; what it was made from."""
        for key in self.partitions_of(topic):
            del self._partitions[key]
            for group in self._groups.values():
                group.commits.pop(key, None)
        return self._topics.pop(topic)

    async def wait_for_append(self, seconds: float) -> None:
        """Return when records were appended, at the latest after so many seconds."""
        self._appended.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._appended.wait()
        except TimeoutError:
            return
