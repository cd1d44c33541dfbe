"""The consumers on Kafka: a member of a group, and a reader outside any."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaTopicPartition

from penstock.bus.kafka.assignor import unit_assignor
from penstock.bus.kafka.errors import translate_kafka_errors
from penstock.bus.kafka.start_or_close import start_client
from penstock.bus.ports import FetchedBatch, RebalanceListener, TopicPartition

FETCH_BYTES = 4 << 20  # per partition: larger fetches fill batches better
SESSION_MS = 10_000  # how long a silent member keeps its partitions
HEARTBEAT_MS = 1_000  # a member hears of a rebalance at its next heartbeat
LONGEST_HANDLING_MS = 3_600_000  # a training run is one record; health watches for progress


def _topic_partitions(partitions: Collection[KafkaTopicPartition]) -> list[TopicPartition]:
    return [(partition.topic, partition.partition) for partition in partitions]


class _KafkaListener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Passes rebalances on to the bus's listener, and seeks to the positions that it returns."""

    def __init__(self, consumer: AIOKafkaConsumer, listener: RebalanceListener) -> None:
        self._consumer = consumer
        self._listener = listener

    async def on_partitions_revoked(self, revoked: Collection[KafkaTopicPartition]) -> None:
        await self._listener.on_revoked(_topic_partitions(revoked))

    async def on_partitions_assigned(self, assigned: Collection[KafkaTopicPartition]) -> None:
        positions = await self._listener.on_assigned(_topic_partitions(assigned))
        for topic_partition, offset in positions.items():
            self._consumer.seek(KafkaTopicPartition(*topic_partition), offset)


class KafkaSource:
    """A member of a consumer group."""

    def __init__(self, consumer: AIOKafkaConsumer, listener: RebalanceListener) -> None:
        self._consumer = consumer
        self._listener = listener

    @classmethod
    async def join(
        cls, client_settings: Mapping[str, Any], namespace: str, group: str, listener: RebalanceListener
    ) -> Self:
        """Connect; the group is joined when the first topics are subscribed."""
        consumer = AIOKafkaConsumer(
            **client_settings,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            partition_assignment_strategy=(unit_assignor(namespace),),
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=LONGEST_HANDLING_MS,
            rebalance_timeout_ms=60_000,
            max_partition_fetch_bytes=FETCH_BYTES,
            metadata_max_age_ms=60_000,
        )
        with translate_kafka_errors():
            await start_client(consumer.start, consumer.stop)
        return cls(consumer, listener)

    async def subscribe(self, topics: Collection[str]) -> None:
        """Consume exactly these topics from now on."""
        with translate_kafka_errors():
            if topics:
                self._consumer.subscribe(sorted(topics), listener=_KafkaListener(self._consumer, self._listener))
            else:
                self._consumer.unsubscribe()

    async def poll(self, max_records: int, wait: float) -> list[FetchedBatch]:
        """At most `max_records` records, waiting `wait` seconds for the first."""
        if not self._consumer.subscription():
            await asyncio.sleep(wait)  # the client would wait for a subscription forever
            return []
        _skip_record_copies(self._consumer)
        with translate_kafka_errors():
            fetched = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=max_records)
        return _fetched_batches(fetched)

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit positions to the group: everything before these offsets is done."""
        with translate_kafka_errors():
            await self._consumer.commit({KafkaTopicPartition(*key): offset for key, offset in positions.items()})

    def end_offsets(self) -> Mapping[TopicPartition, int]:
        """The next offset of each assigned topic partition, as of its last fetch."""
        ends = {partition: self._consumer.highwater(partition) for partition in self._consumer.assignment()}
        return {(partition.topic, partition.partition): end for partition, end in ends.items() if end is not None}

    async def close(self) -> None:
        """Leave the group."""
        with translate_kafka_errors():
            await self._consumer.stop()


class KafkaReader:
    """Reads topic partitions outside any group."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    @classmethod
    async def start(cls, client_settings: Mapping[str, Any], starts: Mapping[TopicPartition, int | None]) -> Self:
        """Connect and seek to the starts."""
        consumer = AIOKafkaConsumer(
            **client_settings,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        with translate_kafka_errors():
            await start_client(consumer.start, consumer.stop)
            try:
                consumer.assign([KafkaTopicPartition(*topic_partition) for topic_partition in starts])
                for topic_partition, offset in starts.items():
                    if offset is None:
                        await consumer.seek_to_end(KafkaTopicPartition(*topic_partition))
                    else:
                        consumer.seek(KafkaTopicPartition(*topic_partition), offset)
            except BaseException:
                await consumer.stop()
                raise
        return cls(consumer)

    async def poll(self, wait: float) -> list[FetchedBatch]:
        """The next records, waiting `wait` seconds for the first."""
        with translate_kafka_errors():
            fetched = await self._consumer.getmany(timeout_ms=int(wait * 1000))
        return _fetched_batches(fetched)

    async def read_to_end(self) -> list[FetchedBatch]:
        """All records up to the ends as they are now."""
        fetched: list[FetchedBatch] = []
        with translate_kafka_errors():
            ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
            while await self._is_behind(ends):
                fetched += await self.poll(1.0)
        return fetched

    async def _is_behind(self, ends: Mapping[KafkaTopicPartition, int]) -> bool:
        return any([await self._consumer.position(partition) < end for partition, end in ends.items()])

    async def close(self) -> None:
        """Stop reading."""
        with translate_kafka_errors():
            await self._consumer.stop()


def _skip_record_copies(consumer: AIOKafkaConsumer) -> None:
    """Have the client return fetched records as its decoder made them.

    The client copies each record into a class of its own, which takes as long as all else it does for the record.
    Records that this does not reach are copied as usual, and read the same.
    """
    for fetched in consumer._fetcher._records.values():
        records = getattr(fetched, "_partition_records", None)
        if records is not None:
            records._consumer_record = _unchanged


def _unchanged(_: KafkaTopicPartition, record: Any) -> Any:
    return record


def _fetched_batches(fetched: Mapping[KafkaTopicPartition, Sequence[Any]]) -> list[FetchedBatch]:
    return [FetchedBatch(key.topic, key.partition, records) for key, records in fetched.items() if records]
