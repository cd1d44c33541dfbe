"""A consumer group of the memory log: its members, what each is assigned, and its commits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from penstock.bus.ports import TopicPartition
from penstock.bus.routes import Unit
from penstock.bus.unit_assignment import assign_units, unit_of

if TYPE_CHECKING:
    from penstock.bus.memory.log import MemoryLog
    from penstock.bus.memory.source import MemorySource


class _Commit(NamedTuple):
    """A position, and the id that its topic had: Kafka forgets a topic's commits with it, its consumers do not."""

    topic_id: str
    position: int


class MemoryGroup:
    """Members share units, as on Kafka: at a rebalance everything is revoked from all, and then assigned."""

    def __init__(self, log: MemoryLog) -> None:
        self.commits: dict[TopicPartition, int] = {}
        self.members: list[MemorySource] = []
        self._log = log
        self._seen: dict[TopicPartition, _Commit] = {}
        self._numbers: dict[MemorySource, str] = {}
        self._joined = 0
        self._rebalancing = asyncio.Lock()

    def join(self, member: MemorySource) -> None:
        """Make it a member; it is assigned nothing until the next rebalance."""
        self._joined += 1
        self._numbers[member] = f"{self._joined:06d}"
        self.members.append(member)

    def remove(self, member: MemorySource) -> None:
        """Let a member be none any more, without a word to it."""
        self.members.remove(member)
        del self._numbers[member]

    def commit(self, positions: Mapping[TopicPartition, int], member: MemorySource) -> None:
        """Keep positions, each with the topic that the member reads: it may have been made anew since."""
        self.commits.update(positions)
        for key, position in positions.items():
            self._seen[key] = _Commit(member.topic_id(key), position)

    def position(self, key: TopicPartition) -> int | None:
        """The committed position of a topic partition that a member reads, None if none does."""
        return self.commits.get(key, 0) if any(key in member.assigned for member in self.members) else None

    def start_of(self, key: TopicPartition) -> tuple[int, str | None]:
        """Where a member starts that knows no better, and the id of the topic in which that counts."""
        partition, seen = self._log.partition(key), self._seen.get(key)
        if seen is not None and partition is not None and seen.topic_id != partition.topic_id:
            return seen.position, seen.topic_id
        beginning = partition.beginning if partition is not None else 0
        return self.commits.get(key, beginning), None

    def known_topic_id(self, key: TopicPartition) -> str | None:
        """The id of the topic when the group committed to it last."""
        seen = self._seen.get(key)
        return seen.topic_id if seen else None

    async def rebalance(self) -> None:
        """Revoke everything from all members, then assign it anew."""
        async with self._rebalancing:
            members = [member for member in self.members if member.topics or member.assigned]
            previous = {self._numbers[member]: {_unit(key) for key in member.assigned} for member in members}
            for member in members:
                await member.revoke()
            members = [member for member in members if member in self._numbers]
            for member, share in self._shares(members, previous).items():
                await member.assign(share)

    def _shares(
        self, members: list[MemorySource], previous: Mapping[str, set[Unit]]
    ) -> dict[MemorySource, list[TopicPartition]]:
        topics = sorted({topic for member in members for topic in member.topics})
        keys = [key for topic in topics for key in self._log.partitions_of(topic)]
        names = {self._numbers[member]: member for member in members}
        assignment = assign_units({_unit(key) for key in keys}, list(names), previous)
        return {
            member: [key for key in keys if key[0] in member.topics and _unit(key) in set(assignment[name])]
            for name, member in names.items()
        }


def _unit(key: TopicPartition) -> Unit:
    return unit_of(*key, "")  # a namespace would be the same part of every stream's name
