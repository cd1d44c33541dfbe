"""The memory log: a whole log in one process. It passes the behaviour suite that Kafka passes."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.partition_order import PartitionOrder
from penstock.bus.ports import Clock, FetchedBatch, NewTopic, RebalanceListener, RecordBatch, TopicPartition


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """A record of the memory log."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def system_clock() -> int:
    """Wall time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class MemoryLog:
    """Topics in memory. `clock` gives the records' timestamps, so a test or a replay decides what time it is."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._entries: dict[TopicPartition, list[MemoryRecord | None]] = {}
        self._partition_counts: dict[str, int] = {}
        self._commits: dict[str, dict[TopicPartition, int]] = defaultdict(dict)
        self._members: dict[str, list[MemorySource]] = defaultdict(list)
        self._appended = asyncio.Event()

    async def create(self, topics: Sequence[NewTopic]) -> None:
        """Create the topics that do not exist yet; no record ever expires."""
        for topic in topics:
            if topic.name not in self._partition_counts:
                self._partition_counts[topic.name] = topic.partitions
                self._entries.update({(topic.name, number): [] for number in range(topic.partitions)})

    async def existing(self, topics: Collection[str]) -> set[str]:
        """Those of the topics that exist."""
        return {topic for topic in topics if topic in self._partition_counts}

    async def source(self, group: str, listener: RebalanceListener) -> MemorySource:
        """Join a group; its first member is assigned everything, the others are stand-ins."""
        member = MemorySource(self, group, listener)
        self._members[group].append(member)
        return member

    async def sink(self) -> MemorySink:
        """A new producer."""
        return MemorySink(self)

    async def reader(self, starts: Mapping[TopicPartition, int | None]) -> MemoryReader:
        """Read topic partitions from an offset on; None: only new records."""
        positions = {key: len(self.entries_of(key)) if start is None else start for key, start in starts.items()}
        return MemoryReader(self, positions)

    async def end_offsets(self, topic_partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The next offset of each topic partition that exists."""
        return {key: len(self._entries[key]) for key in topic_partitions if key in self._entries}

    async def beginning_offsets(self, topic_partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset of each topic partition that exists."""
        return {key: 0 for key in topic_partitions if key in self._entries}

    async def acknowledged_copies(self, topics: Collection[str]) -> dict[str, int]:
        """One of each topic that exists."""
        return {topic: 1 for topic in topics if topic in self._partition_counts}

    async def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
        """The id of each topic that exists."""
        return {topic: topic for topic in topics if topic in self._partition_counts}

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """The positions that the group has committed."""
        return dict(self._commits[group])

    async def close(self) -> None:
        """Nothing is open."""

    def records_of(self, topic_partition: TopicPartition) -> list[MemoryRecord]:
        """The records of a topic partition, none when it does not exist."""
        return [record for record in self.entries_of(topic_partition) if record is not None]

    def entries_of(self, topic_partition: TopicPartition) -> list[MemoryRecord | None]:
        """What each offset of a topic partition holds: a record, or None for a marker that nobody reads."""
        return self._entries.get(topic_partition, [])

    def partitions_of(self, topic: str) -> list[TopicPartition]:
        """The topic partitions of a topic, none when it does not exist."""
        return [(topic, number) for number in range(self._partition_counts.get(topic, 0))]

    def append(self, batches: Sequence[RecordBatch]) -> None:
        """Append records.

        Raises:
            BrokerUnavailable: a topic does not exist.
        """
        now = self._clock()
        for batch in batches:
            entries = self._entries.get((batch.topic, batch.partition))
            if entries is None:
                raise BrokerUnavailable(f"{batch.topic}/{batch.partition} does not exist")
            for index, (key, value) in enumerate(zip(batch.keys, batch.values, strict=True)):
                entries.append(MemoryRecord(len(entries), now, key, value, batch.headers.get(index, ())))
        self._appended.set()

    def append_marker(self, topic_partition: TopicPartition) -> None:
        """Take an offset without a record, as Kafka does to end a transaction."""
        self._entries[topic_partition].append(None)
        self._appended.set()

    def commits(self, group: str) -> dict[TopicPartition, int]:
        """The group's positions, to read and to change."""
        return self._commits[group]

    async def leave(self, member: MemorySource) -> None:
        """Remove the member from its group; the next in line is assigned what it had."""
        members = self._members[member.group]
        was_active = members and members[0] is member
        members.remove(member)
        if was_active and members:
            await members[0].rebalance()

    def active_member(self, group: str) -> MemorySource:
        """The member that is assigned the group's topic partitions."""
        return self._members[group][0]

    async def wait_for_append(self, seconds: float) -> None:
        """Return when records were appended, at the latest after so many seconds."""
        self._appended.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._appended.wait()
        except TimeoutError:
            return


class _Positions:
    """The offset to read next of each topic partition, and reading from there."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.next: dict[TopicPartition, int] = {}
        self.paused: set[TopicPartition] = set()

    def fetch(self, max_records: int) -> list[FetchedBatch]:
        batches = []
        for topic_partition, position in self.next.items():
            if topic_partition in self.paused:
                continue
            entries = self.log.entries_of(topic_partition)[position : position + max_records]
            if entries:
                records = [record for record in entries if record is not None]
                self.next[topic_partition] = position + len(entries)
                batches.append(FetchedBatch(*topic_partition, records, self.next[topic_partition]))
                max_records -= len(entries)
            if max_records <= 0:
                break
        return batches

    async def poll(self, max_records: int, wait: float) -> list[FetchedBatch]:
        await asyncio.sleep(0)
        batches = self.fetch(max_records)
        if batches or wait <= 0:
            return batches
        await self.log.wait_for_append(wait)
        return self.fetch(max_records)


class MemorySource:
    """A member of a group on the memory log."""

    def __init__(self, log: MemoryLog, group: str, listener: RebalanceListener) -> None:
        self.group = group
        self._log = log
        self._listener = listener
        self._topics: list[str] = []
        self._positions = _Positions(log)

    async def subscribe(self, topics: Collection[str]) -> None:
        """Consume exactly these topics from now on."""
        self._topics = sorted(topics)
        if self._log.active_member(self.group) is self:
            await self.rebalance()

    async def rebalance(self) -> None:
        """Be assigned every partition of the subscribed topics, and no other."""
        target = [key for topic in self._topics for key in self._log.partitions_of(topic)]
        revoked = [key for key in self._positions.next if key not in target]
        assigned = [key for key in target if key not in self._positions.next]
        if revoked:
            await self._listener.on_revoked(revoked)
        starts = await self._listener.on_assigned(assigned) if assigned or revoked else {}
        commits = self._log.commits(self.group)
        for key in revoked:
            del self._positions.next[key]
            self._positions.paused.discard(key)
        for key in assigned:
            self._positions.next[key] = starts.get(key, commits.get(key, 0))

    async def poll(self, max_records: int, wait: float) -> list[FetchedBatch]:
        """At most `max_records` records, waiting `wait` seconds for the first."""
        return await self._positions.poll(max_records, wait)

    def pause(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Fetch none of these, of those that are assigned, until they are resumed or assigned anew."""
        self._positions.paused.update(key for key in topic_partitions if key in self._positions.next)

    def resume(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Fetch these again."""
        self._positions.paused.difference_update(topic_partitions)

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read on from these offsets, of those that are assigned."""
        self._positions.next.update({key: at for key, at in positions.items() if key in self._positions.next})

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit positions to the group: everything before these offsets is done."""
        await asyncio.sleep(0)
        self._log.commits(self.group).update(positions)

    def end_offsets(self) -> Mapping[TopicPartition, int]:
        """The next offset of each assigned topic partition."""
        return {key: len(self._log.entries_of(key)) for key in self._positions.next}

    def failures(self) -> Mapping[TopicPartition, str]:
        """None: whatever is there can be read."""
        return {}

    async def close(self) -> None:
        """Leave the group."""
        await self._listener.on_revoked(list(self._positions.next))
        self._positions.next.clear()
        self._positions.paused.clear()
        await self._log.leave(self)


class MemorySink:
    """The producer of the memory log. Like Kafka's it yields: the records of each partition are appended later."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._order: PartitionOrder[None] = PartitionOrder()

    async def send(self, batches: Sequence[RecordBatch]) -> Awaitable[None]:
        """Append the records; the result is done when they are appended."""
        return _all(self._order.run_each(batches, self._append))

    async def _append(self, _: TopicPartition, batches: Sequence[RecordBatch]) -> None:
        await asyncio.sleep(0)
        self._log.append(batches)

    async def close(self) -> None:
        """Nothing is being sent."""


async def _all(writing: Sequence[asyncio.Task[None]]) -> None:
    """Wait for every write, also after one has failed."""
    for outcome in await asyncio.gather(*writing, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


class MemoryReader:
    """Reads topic partitions of the memory log."""

    def __init__(self, log: MemoryLog, starts: Mapping[TopicPartition, int]) -> None:
        self._positions = _Positions(log)
        self._positions.next.update(starts)

    async def poll(self, wait: float) -> list[FetchedBatch]:
        """The next records, waiting `wait` seconds for the first."""
        return [batch for batch in await self._positions.poll(10_000, wait) if batch.records]

    async def is_behind(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether a record before one of these offsets is still to be read, of the topic partitions that it reads."""
        await asyncio.sleep(0)
        return any(position < ends.get(key, 0) for key, position in self._positions.next.items())

    async def read_to_end(self) -> list[FetchedBatch]:
        """All records up to the ends as they are now."""
        await asyncio.sleep(0)
        batches = []
        while fetched := self._positions.fetch(1_000_000):
            batches += [batch for batch in fetched if batch.records]
        return batches

    async def close(self) -> None:
        """Nothing is open."""
