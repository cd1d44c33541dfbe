"""Gaps between a consumer's positions and the log: found at assignment, and where a fetch is out of range."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaTopicPartition

from penstock.bus.kafka.topics.topic_ids import fetch_topic_ids
from penstock.bus.ports import FetchedBatch, Gap


class SeenPosition(NamedTuple):
    """A topic's id when a partition of it was last looked at, and the offset that the group wanted next."""

    topic_id: str
    position: int


SeenPositions = dict[KafkaTopicPartition, SeenPosition]


class PartitionGaps:
    """The topic partitions of a consumer whose position the log does not have: each is paused until a seek.

    `seen` outlives the consumer: Kafka deletes a group's commits with the topic, so that a member that lives on is all
    that still knows how far an earlier topic was read.
    """

    def __init__(self, consumer: AIOKafkaConsumer, seen: SeenPositions) -> None:
        self._consumer = consumer
        self._seen = seen
        self._gaps: dict[KafkaTopicPartition, Gap] = {}
        self._unreported: set[KafkaTopicPartition] = set()
        self._out_of_range: set[KafkaTopicPartition] = set()

    def __contains__(self, partition: object) -> bool:
        """Whether nothing of the partition is to be fetched for now."""
        return partition in self._gaps or partition in self._out_of_range

    def add_out_of_range(self, partition: KafkaTopicPartition) -> None:
        """The log refused to read from the partition's position: leave it out until it was looked at."""
        self._consumer.pause(partition)
        self._out_of_range.add(partition)

    async def look(self) -> list[KafkaTopicPartition]:
        """Look at the partitions that were out of range; the result are those that can be read after all."""
        partitions = {partition for partition in self._out_of_range if partition in self._consumer.assignment()}
        self._out_of_range.clear()
        positions = {partition: await self._consumer.position(partition) for partition in partitions}
        return await self._compare(partitions, positions) if partitions else []

    async def start(
        self, assigned: Collection[KafkaTopicPartition], positions: Mapping[KafkaTopicPartition, int]
    ) -> list[KafkaTopicPartition]:
        """Seek the newly assigned to their positions, those without one to the beginning of the log, which is no gap.
        The result are those that can be read.
        """
        self._gaps.clear()
        self._unreported.clear()
        self._out_of_range.clear()
        return await self._compare(assigned, positions) if assigned else []

    async def _compare(
        self, partitions: Collection[KafkaTopicPartition], positions: Mapping[KafkaTopicPartition, int]
    ) -> list[KafkaTopicPartition]:
        ids = await fetch_topic_ids(self._consumer._client, {partition.topic for partition in partitions})
        begins = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        readable = []
        for partition in partitions:
            begin, topic_id, seen = begins[partition], ids.get(partition.topic), self._seen.get(partition)
            is_other = seen is not None and topic_id not in (None, seen.topic_id)  # a new topic may have none yet
            position = positions.get(partition, seen.position if seen and is_other else begin)
            gap = gap_at(position, begin, ends[partition], replaced_by=topic_id if is_other else None)
            self._consumer.seek(partition, position)
            if gap is None:
                if topic_id is not None:
                    self._seen[partition] = SeenPosition(topic_id, position)
                readable.append(partition)
            else:
                self._consumer.pause(partition)
                self._gaps[partition] = gap
                self._unreported.add(partition)
        return readable

    def add(self, positions: Mapping[KafkaTopicPartition, int], topic_ids: Mapping[str, str]) -> None:
        """Read these partitions, of topics with these ids, from now on; a fetch that is out of range shows a gap."""
        for partition, position in positions.items():
            if partition.topic in topic_ids:
                self._seen[partition] = SeenPosition(topic_ids[partition.topic], position)

    def take(self) -> list[FetchedBatch]:
        """The gaps found since the last call, as batches without records."""
        unreported, self._unreported = self._unreported, set()
        return [
            FetchedBatch(partition.topic, partition.partition, (), gap.expected, gap)
            for partition in sorted(unreported)
            if (gap := self._gaps.get(partition)) is not None
        ]

    def close(self, partition: KafkaTopicPartition) -> None:
        """The partition is read on from another position."""
        self._out_of_range.discard(partition)
        gap = self._gaps.pop(partition, None)
        if gap is not None and gap.cause == "replaced":
            self._seen[partition] = SeenPosition(gap.topic_id, gap.found)

    def done(self, positions: Mapping[Any, int]) -> None:
        """The group has committed these positions."""
        for key, position in positions.items():
            seen = self._seen.get(key)
            if seen is not None:
                self._seen[key] = seen._replace(position=position)


def gap_at(position: int, begin: int, end: int, *, replaced_by: str | None = None) -> Gap | None:
    """The gap between a position and a log that has the offsets from `begin` up to `end`, if there is one.

    `replaced_by` is the id of the topic, where the position is of another one.

    >>> gap_at(100, 500, 900), gap_at(500, 500, 900), gap_at(900, 500, 900)
    (Gap(cause='expired', expected=100, found=500), None, None)
    >>> gap_at(901, 500, 900)
    Gap(cause='lost', expected=901, found=900)
    """
    if replaced_by is not None:
        return Gap("replaced", position, begin, replaced_by)
    if position < begin:
        return Gap("expired", position, begin)
    return Gap("lost", position, end) if position > end else None
