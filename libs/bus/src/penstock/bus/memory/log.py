"""The memory bus: a whole log in one process. It passes the behaviour suite that Kafka passes."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.ports import Clock, FetchedBatch, NewTopic, Ownership, RecordBatch, TopicPartition


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """A record as the memory bus holds it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def system_clock() -> int:
    """Wall time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class MemoryLog:
    """Topics in memory. `clock` stamps the records, so a test or a replay decides what time it is."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._places: dict[TopicPartition, list[MemoryRecord]] = {}
        self._partitions: dict[str, int] = {}
        self._commits: dict[str, dict[TopicPartition, int]] = defaultdict(dict)
        self._members: dict[str, list[MemorySource]] = defaultdict(list)
        self._grown = asyncio.Event()

    async def create(self, topics: Sequence[NewTopic]) -> None:
        """Create the topics that do not exist yet; nothing is ever expired."""
        for topic in topics:
            if topic.name not in self._partitions:
                self._partitions[topic.name] = topic.partitions
                self._places.update({(topic.name, number): [] for number in range(topic.partitions)})

    async def source(self, group: str, ownership: Ownership) -> MemorySource:
        """Join a group; its first member owns everything, others wait as stand-ins."""
        member = MemorySource(self, group, ownership)
        self._members[group].append(member)
        return member

    async def sink(self) -> MemorySink:
        """A writer."""
        return MemorySink(self)

    async def reader(self, starts: Mapping[TopicPartition, int | None]) -> MemoryReader:
        """Read the places from an offset on, None: only what comes from now on."""
        return MemoryReader(
            self, {place: len(self.held(place)) if start is None else start for place, start in starts.items()}
        )

    async def ends(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The next offset of each place that exists."""
        return {place: len(self._places[place]) for place in places if place in self._places}

    async def begins(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset of each place that exists."""
        return {place: 0 for place in places if place in self._places}

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """Where the group has come to."""
        return dict(self._commits[group])

    async def close(self) -> None:
        """Nothing is held open."""

    def held(self, place: TopicPartition) -> list[MemoryRecord]:
        """The records of a place, none when it does not exist."""
        return self._places.get(place, [])

    def places_of(self, topic: str) -> list[TopicPartition]:
        """The places of a topic, none when it does not exist."""
        return [(topic, number) for number in range(self._partitions.get(topic, 0))]

    def append(self, records: Sequence[RecordBatch]) -> None:
        """Write the records.

        Raises:
            BrokerUnavailable: a topic does not exist.
        """
        now = self._clock()
        for run in records:
            held = self._places.get((run.topic, run.partition))
            if held is None:
                raise BrokerUnavailable(f"{run.topic}/{run.partition} does not exist")
            for index, (key, value) in enumerate(zip(run.keys, run.values, strict=True)):
                held.append(MemoryRecord(len(held), now, key, value, run.headers.get(index, ())))
        self._grown.set()

    def commits(self, group: str) -> dict[TopicPartition, int]:
        """The group's positions, to read and to change."""
        return self._commits[group]

    async def leave(self, member: MemorySource) -> None:
        """Take the member out of its group; the next in line takes over."""
        members = self._members[member.group]
        was_owner = members and members[0] is member
        members.remove(member)
        if was_owner and members:
            await members[0].take_over()

    def owner(self, group: str) -> MemorySource:
        """The member that owns the group's places."""
        return self._members[group][0]

    async def growth(self, wait: float) -> None:
        """Return when something was written, at the latest after `wait` seconds."""
        self._grown.clear()
        try:
            await asyncio.wait_for(self._grown.wait(), wait)
        except TimeoutError:
            return


class _Positions:
    """Offsets to read next, and what lies behind them."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.next: dict[TopicPartition, int] = {}

    def take(self, most: int) -> list[FetchedBatch]:
        fetched = []
        for place, position in self.next.items():
            records = self.log.held(place)[position : position + most]
            if records:
                fetched.append(FetchedBatch(*place, records))
                self.next[place] = position + len(records)
                most -= len(records)
            if most <= 0:
                break
        return fetched

    async def poll(self, most: int, wait: float) -> list[FetchedBatch]:
        fetched = self.take(most)
        if fetched or wait <= 0:
            return fetched
        await self.log.growth(wait)
        return self.take(most)


class MemorySource:
    """A member of a group on the memory bus."""

    def __init__(self, log: MemoryLog, group: str, ownership: Ownership) -> None:
        self.group = group
        self._log = log
        self._ownership = ownership
        self._topics: list[str] = []
        self._positions = _Positions(log)

    async def subscribe(self, topics: Collection[str]) -> None:
        """Consume exactly these topics from now on."""
        self._topics = sorted(topics)
        if self._log.owner(self.group) is self:
            await self.take_over()

    async def take_over(self) -> None:
        """Own every place of the subscribed topics."""
        wanted = [place for topic in self._topics for place in self._log.places_of(topic)]
        lost = [place for place in self._positions.next if place not in wanted]
        gained = [place for place in wanted if place not in self._positions.next]
        if lost:
            await self._ownership.lost(lost)
        starts = await self._ownership.gained(gained) if gained else {}
        commits = self._log.commits(self.group)
        for place in lost:
            del self._positions.next[place]
        for place in gained:
            self._positions.next[place] = starts.get(place, commits.get(place, 0))

    async def poll(self, most: int, wait: float) -> list[FetchedBatch]:
        """At most `most` records, waiting `wait` seconds for the first."""
        return await self._positions.poll(most, wait)

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Remember for the group that everything before these offsets is done."""
        self._log.commits(self.group).update(positions)

    def ends(self) -> Mapping[TopicPartition, int]:
        """The next offset of each place in hand."""
        return {place: len(self._log.held(place)) for place in self._positions.next}

    async def close(self) -> None:
        """Leave the group."""
        await self._ownership.lost(list(self._positions.next))
        self._positions.next.clear()
        await self._log.leave(self)


class MemorySink:
    """Writes to the memory bus; a write is confirmed at once."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def send(self, records: Sequence[RecordBatch]) -> Awaitable[None]:
        """Append the records."""
        self._log.append(records)
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        confirmed.set_result(None)
        return confirmed

    async def close(self) -> None:
        """Nothing is under way."""


class MemoryReader:
    """Reads places of the memory bus."""

    def __init__(self, log: MemoryLog, starts: Mapping[TopicPartition, int]) -> None:
        self._positions = _Positions(log)
        self._positions.next.update(starts)

    async def poll(self, wait: float) -> list[FetchedBatch]:
        """What came since."""
        return await self._positions.poll(10_000, wait)

    async def read_to_end(self) -> list[FetchedBatch]:
        """All up to where the places end now."""
        fetched = []
        while found := self._positions.take(1_000_000):
            fetched += found
        return fetched

    async def close(self) -> None:
        """Nothing is held open."""
