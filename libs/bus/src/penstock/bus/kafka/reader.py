"""A consumer on Kafka outside any group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from penstock.bus.errors import UnreadableBatch
from penstock.bus.kafka.errors import translate_kafka_errors, unreadable_reason
from penstock.bus.kafka.fetched_records import FetchedResults, fetched_batches
from penstock.bus.kafka.known_cluster import KnownCluster
from penstock.bus.kafka.partition_gaps import PartitionGaps
from penstock.bus.kafka.source import FETCH_BYTES
from penstock.bus.kafka.start_or_close import start_client, stop_client
from penstock.bus.kafka.unreadable_partitions import UnreadablePartitions, failure_text
from penstock.bus.ports import FetchedBatch, TopicPartition

TopicIds = Callable[[Collection[str]], Awaitable[dict[str, str]]]
"""Asks for the ids of topics."""


class KafkaReader:
    """Reads topic partitions outside any group."""

    def __init__(self, consumer: AIOKafkaConsumer, cluster: KnownCluster, topic_ids: TopicIds) -> None:
        self._consumer = consumer
        self._cluster = cluster
        self._topic_ids = topic_ids
        self._gaps = PartitionGaps(consumer, {})
        self._unreadable = UnreadablePartitions(consumer, self._gaps.__contains__)
        self._results = FetchedResults.replace_in(consumer, self._note_failure)
        self._failure: str | None = None

    def _note_failure(self, partition: KafkaTopicPartition, offset: int, error: Exception) -> None:
        if isinstance(error, OffsetOutOfRangeError):
            self._gaps.add_out_of_range(partition)
        else:
            self._unreadable.add(partition, offset, error)
            self._failure = failure_text(partition, offset, unreadable_reason(error))

    @classmethod
    async def start(
        cls,
        client_settings: Mapping[str, Any],
        starts: Mapping[TopicPartition, int | None],
        cluster: KnownCluster,
        topic_ids: TopicIds,
    ) -> Self:
        """Connect and seek to the starts. `topic_ids` asks for ids over a connection that no fetch keeps waiting."""
        consumer = AIOKafkaConsumer(
            **client_settings,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        with translate_kafka_errors():
            await start_client(consumer._client, cluster, consumer.start, consumer.stop)
            reader = cls(consumer, cluster, topic_ids)
            try:
                if starts:
                    await reader._assign({KafkaTopicPartition(*key): offset for key, offset in starts.items()})
            except BaseException:
                await consumer.stop()
                raise
        return reader

    async def _assign(self, starts: Mapping[KafkaTopicPartition, int | None]) -> None:
        self._consumer.assign(list(starts))
        positions = {partition: offset for partition, offset in starts.items() if offset is not None}
        new = [partition for partition in starts if partition not in positions]
        ends = await self._consumer.end_offsets(new) if new else {}
        await self._gaps.start(list(starts), positions | ends)

    async def add(self, starts: Mapping[TopicPartition, int]) -> None:
        """Read these topic partitions too, each from an offset on."""
        new = {KafkaTopicPartition(*key): offset for key, offset in starts.items()}
        ids = await self._topic_ids({topic for topic, _ in starts})
        with translate_kafka_errors():
            self._reassign(await self._positions() | new)
        self._gaps.add(new, ids)

    async def remove(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Read these no more."""
        gone = {KafkaTopicPartition(*key) for key in topic_partitions}
        with translate_kafka_errors():
            self._reassign({key: offset for key, offset in (await self._positions()).items() if key not in gone})
        for partition in gone:
            self._gaps.close(partition)

    async def _positions(self) -> dict[KafkaTopicPartition, int]:
        """The next offset of each topic partition that is read."""
        return {partition: await self._consumer.position(partition) for partition in self._consumer.assignment()}

    def _reassign(self, positions: Mapping[KafkaTopicPartition, int]) -> None:
        """Read exactly these: the client forgets positions and pauses with every assignment. What it has fetched and
        was not polled, it fetches again.
        """
        self._consumer.assign(list(positions))
        for partition, position in positions.items():
            self._consumer.seek(partition, position)
        self._consumer.pause(*[p for p in positions if p in self._gaps or self._unreadable.is_waiting(p)])

    async def poll(self, wait: float) -> list[FetchedBatch]:
        """The next records, waiting `wait` seconds for the first."""
        with translate_kafka_errors():
            self._unreadable.retry_due()
            self._consumer.resume(*await self._gaps.look())
            if gaps := self._gaps.take():
                self._pass_over(gaps)
                return gaps
            fetched = await self._consumer.getmany(timeout_ms=int(wait * 1000))
        self._cluster.check()
        failure, self._failure = self._failure, None
        batches = [batch for batch in fetched_batches(fetched, self._results) if batch.records]
        self._unreadable.remove([KafkaTopicPartition(batch.topic, batch.partition) for batch in batches])
        if failure and not batches:
            raise UnreadableBatch(failure)
        return batches

    def _pass_over(self, gaps: Sequence[FetchedBatch]) -> None:
        for batch in gaps:
            assert batch.gap is not None
            partition = KafkaTopicPartition(batch.topic, batch.partition)
            self._consumer.seek(partition, batch.gap.found)
            self._gaps.close(partition)
            self._consumer.resume(partition)

    async def read_to_end(self) -> list[FetchedBatch]:
        """All records up to the ends as they are now."""
        fetched: list[FetchedBatch] = []
        with translate_kafka_errors():
            ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
            while await self.is_behind({(key.topic, key.partition): end for key, end in ends.items()}):
                fetched += await self.poll(1.0)
        return fetched

    async def is_behind(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether a record before one of these offsets is still to be read, of the topic partitions that it reads."""
        with translate_kafka_errors():
            for partition in self._consumer.assignment():
                end = ends.get((partition.topic, partition.partition), 0)
                if end and await self._consumer.position(partition) < end:
                    return True
        return False

    async def close(self) -> None:
        """Stop reading."""
        with translate_kafka_errors():
            await stop_client(self._consumer.stop)
