"""The consumers of the memory log: a member of a group, and a reader outside any."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.positions import Positions
from penstock.bus.ports import FetchedBatch, RebalanceListener, TopicPartition

if TYPE_CHECKING:
    from penstock.bus.memory.log import MemoryLog


class MemorySource:
    """A member of a group on the memory log. One whose session has ended joins again at its next poll."""

    def __init__(self, log: MemoryLog, group: str, listener: RebalanceListener) -> None:
        self.topics: frozenset[str] = frozenset()
        self._log = log
        self._group = log.group(group)
        self._listener = listener
        self._positions = Positions(log)
        self._closed = False
        self._group.join(self)

    @property
    def assigned(self) -> Collection[TopicPartition]:
        """The topic partitions that it reads."""
        return self._positions.next.keys()

    def topic_id(self, key: TopicPartition) -> str:
        """The id of the topic that it reads there."""
        return self._positions.topic_id(key) or ""

    async def subscribe(self, topics: Collection[str]) -> None:
        """Consume exactly these topics from now on."""
        self.topics = frozenset(topics)
        await self._group.rebalance()

    async def revoke(self) -> None:
        """Read no more of what is assigned."""
        revoked = list(self._positions.next)
        if revoked:
            await self._listener.on_revoked(revoked)
        self._positions.stop(revoked)

    async def assign(self, keys: Collection[TopicPartition]) -> None:
        """Read these, from the listener's positions or those of the group."""
        starts = await self._listener.on_assigned(keys)
        for key in keys:
            if key in starts:
                self._positions.start(key, starts[key], self._group.known_topic_id(key))
            else:
                self._positions.start(key, *self._group.start_of(key))

    async def expire_session(self) -> None:
        """Be taken out of the group unheard, as a member that was silent for too long; others take over."""
        self._group.remove(self)
        await self._group.rebalance()

    async def poll(self, max_records: int, wait: float) -> list[FetchedBatch]:
        """At most `max_records` records, waiting `wait` seconds for the first."""
        await self._log.reach()
        if self not in self._group.members:
            await self.revoke()
            self._group.join(self)
            await self._group.rebalance()
        return await self._positions.poll(max_records, wait)

    def silence(self) -> float:
        """None: a poll that the log does not answer fails."""
        return 0.0

    def pause(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Fetch none of these, of those that are assigned, until they are resumed or assigned anew."""
        self._positions.paused.update(key for key in topic_partitions if key in self._positions.next)

    def resume(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Fetch these again."""
        self._positions.paused.difference_update(topic_partitions)

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read on from these offsets, of those that are assigned."""
        self._positions.seek(positions)

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit positions to the group: everything before these offsets is done.

        Raises:
            BrokerUnavailable: it is no member any more.
        """
        await self._log.reach()
        if self not in self._group.members:
            raise BrokerUnavailable("the group has gone on without this member")
        self._group.commit(positions, self)

    def end_offsets(self) -> Mapping[TopicPartition, int]:
        """The next offset of each assigned topic partition."""
        return {key: partition.end for key in self.assigned if (partition := self._log.partition(key)) is not None}

    def failures(self) -> Mapping[TopicPartition, str]:
        """None: whatever is there can be read."""
        return {}

    async def close(self) -> None:
        """Leave the group."""
        if not self._closed:
            self._closed = True
            await self.revoke()
            if self in self._group.members:
                self._group.remove(self)
                await self._group.rebalance()


class MemoryReader:
    """Reads topic partitions of the memory log. After a gap it reads on behind it."""

    def __init__(self, log: MemoryLog, starts: Mapping[TopicPartition, int]) -> None:
        self._log = log
        self._positions = Positions(log)
        for key, start in starts.items():
            self._positions.start(key, start)

    async def add(self, starts: Mapping[TopicPartition, int]) -> None:
        """Read these topic partitions too, each from an offset on."""
        await self._log.reach()
        for key, start in starts.items():
            self._positions.start(key, start)

    async def remove(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Read these no more."""
        await self._log.reach()
        self._positions.stop(topic_partitions)

    def position(self, key: TopicPartition) -> int | None:
        """The next offset of a topic partition, None if it is not read."""
        return self._positions.next.get(key)

    async def poll(self, wait: float) -> list[FetchedBatch]:
        """The next records, waiting `wait` seconds for the first."""
        await self._log.reach()
        return self._pass_gaps(await self._positions.poll(10_000, wait))

    async def is_behind(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether a record before one of these offsets is still to be read, of the topic partitions that it reads."""
        await self._log.reach()
        return any(position < ends.get(key, 0) for key, position in self._positions.next.items())

    async def read_to_end(self) -> list[FetchedBatch]:
        """All records up to the ends as they are now."""
        await self._log.reach()
        batches: list[FetchedBatch] = []
        while fetched := self._positions.fetch(1_000_000):
            batches += self._pass_gaps(fetched)
        return batches

    def _pass_gaps(self, batches: Collection[FetchedBatch]) -> list[FetchedBatch]:
        for batch in batches:
            if batch.gap is not None:
                self._positions.seek({(batch.topic, batch.partition): batch.gap.found})
        return [batch for batch in batches if batch.records or batch.gap]

    async def close(self) -> None:
        """Read nothing any more."""
        self._positions.stop(self._positions.next)
        await asyncio.sleep(0)
