"""The producer on Kafka: idempotent, acks=all, whole batches per partition."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from penstock.bus.kafka.errors import translate_kafka_errors
from penstock.bus.kafka.known_cluster import KnownCluster
from penstock.bus.kafka.start_or_close import start_client, stop_client
from penstock.bus.partition_order import PartitionOrder
from penstock.bus.ports import MAX_ENCLOSING_RECORD_BYTES, RecordBatch, TopicPartition

BATCH_BYTES = 1_000_000  # a step's outputs in one batch: each waits for the one before it on its partition
OVERHEAD = 48_000  # bytes that a record may have beside its key and value: headers and the batch around it


class KafkaSink:
    """A producer. Once it has failed it must not be used again: whether its last records were written is unknown."""

    def __init__(self, producer: AIOKafkaProducer, cluster: KnownCluster) -> None:
        self._producer = producer
        self._cluster = cluster
        self._order: PartitionOrder[list[asyncio.Future[Any]]] = PartitionOrder()

    @classmethod
    async def start(cls, client_settings: Mapping[str, Any], cluster: KnownCluster) -> Self:
        """Connect."""
        producer = AIOKafkaProducer(
            **client_settings,
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_ENCLOSING_RECORD_BYTES + OVERHEAD,
        )
        with translate_kafka_errors():
            await start_client(producer.client, cluster, producer.start, producer.stop)
        return cls(producer, cluster)

    async def send(self, batches: Sequence[RecordBatch]) -> Awaitable[None]:
        """Send records; the result is done when the broker has confirmed all of them.

        A partition whose leader is away holds up the later writes to it, and no others.
        """
        self._cluster.check()
        return _await_confirmations(self._order.run_each(batches, self._send_to))

    async def _send_to(
        self, topic_partition: TopicPartition, record_batches: Sequence[RecordBatch]
    ) -> list[asyncio.Future[Any]]:
        futures = []
        batch = self._producer.create_batch()
        for records in record_batches:
            for index, (key, value) in enumerate(zip(records.keys, records.values, strict=True)):
                headers = list(records.headers[index]) if index in records.headers else []
                if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                    futures.append(await self._send_batch(batch, topic_partition))
                    batch = self._producer.create_batch()
                    if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:  # too large for one
                        futures.append(await self._send_alone(topic_partition, key, value, headers))
        if batch.record_count():
            futures.append(await self._send_batch(batch, topic_partition))
        return futures

    async def _send_batch(self, batch: Any, topic_partition: TopicPartition) -> asyncio.Future[Any]:
        if not batch.record_count():
            done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done
        topic, partition = topic_partition
        future: asyncio.Future[Any] = await self._producer.send_batch(batch, topic, partition=partition)
        return future

    async def _send_alone(
        self, topic_partition: TopicPartition, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> asyncio.Future[Any]:
        topic, partition = topic_partition
        future: asyncio.Future[Any] = await self._producer.send(
            topic, value, key=key, partition=partition, headers=headers
        )
        return future

    async def close(self) -> None:
        """Wait for what is being sent, at most 10 s, and disconnect: nothing more is written then."""
        with translate_kafka_errors():
            if not await stop_client(self._producer.stop):
                self._producer._sender.sender_task.cancel()
                await stop_client(self._producer.client.close)
        self._order.close()


async def _await_confirmations(sending: Sequence[asyncio.Task[list[asyncio.Future[Any]]]]) -> None:
    """Wait for every confirmation, also after one has failed, so that no error goes unseen."""
    with translate_kafka_errors():
        sent = await asyncio.gather(*sending, return_exceptions=True)
        confirmations = [future for futures in sent if not isinstance(futures, BaseException) for future in futures]
        outcomes = [*sent, *await asyncio.gather(*confirmations, return_exceptions=True)]
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
