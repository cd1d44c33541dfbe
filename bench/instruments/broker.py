"""The broker seen from outside: topics created, filled beforehand, counted, read and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from bench.workload.events import EncodedRecord
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.ports import NewTopic

BATCH_BYTES = 256 * 1024
FETCH_BYTES = 4 << 20


@dataclass(frozen=True)
class Broker:
    """Open connections to the broker."""

    bootstrap: str
    log: KafkaLog
    consumer: AIOKafkaConsumer
    producer: AIOKafkaProducer
    admin: AIOKafkaAdminClient

    async def create(self, topics: Sequence[NewTopic]) -> None:
        """Create topics, and wait until they can be written to."""
        await self.log.create(topics)

    async def drop(self, topics: Iterable[str]) -> None:
        """Delete topics, so that the next measurement does not share the disk with them."""
        await self.admin.delete_topics(list(topics))

    async def fill(self, topic: str, partitions: int, records: Iterable[tuple[int, EncodedRecord]]) -> None:
        """Append the records, each to its partition."""
        builders = [self.producer.create_batch() for _ in range(partitions)]
        for partition, (key, value, headers) in records:
            if builders[partition].append(key=key, value=value, timestamp=None, headers=headers) is None:
                await self.producer.send_batch(builders[partition], topic, partition=partition)
                builders[partition] = self.producer.create_batch()
                builders[partition].append(key=key, value=value, timestamp=None, headers=headers)
        for partition, builder in enumerate(builders):
            if builder.record_count():
                await self.producer.send_batch(builder, topic, partition=partition)
        await self.producer.flush()

    async def count(self, topics: Sequence[str], partitions: int) -> int:
        """How many records the topics hold in all."""
        return sum((await self.consumer.end_offsets(_topic_partitions(topics, partitions))).values())

    async def values(self, topics: Sequence[str], partitions: int) -> AsyncIterator[list[bytes]]:
        """The values of all records that the topics hold now, in batches."""
        async for records in self.records(topics, partitions):
            yield [record.value for record in records]

    async def records(self, topics: Sequence[str], partitions: int) -> AsyncIterator[list[ConsumerRecord]]:
        """All records that the topics hold now, in batches."""
        topic_partitions = _topic_partitions(topics, partitions)
        remaining = await self.count(topics, partitions)
        async with _consumer(self.bootstrap) as reader:
            reader.assign(topic_partitions)
            await reader.seek_to_beginning(*topic_partitions)
            while remaining > 0:
                for records in (await reader.getmany(timeout_ms=500)).values():
                    remaining -= len(records)
                    yield records


def _topic_partitions(topics: Sequence[str], partitions: int) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for topic in topics for number in range(partitions)]


@asynccontextmanager
async def connected(bootstrap: str) -> AsyncIterator[Broker]:
    """Connect to the broker for the length of the block."""
    log = KafkaLog(Connection(bootstrap), "bench", "bench")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=BATCH_BYTES)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await asyncio.gather(producer.start(), admin.start())
        async with _consumer(bootstrap) as consumer:
            yield Broker(bootstrap, log, consumer, producer, admin)
    finally:
        await producer.stop()
        await admin.close()
        await log.close()


@asynccontextmanager
async def _consumer(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, max_partition_fetch_bytes=FETCH_BYTES, check_crcs=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
