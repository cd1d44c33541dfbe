"""Writing to Kafka: idempotent, acks=all, whole batches per partition."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from penstock.bus.kafka.errors import as_ours
from penstock.bus.ports import LARGEST_ENCLOSING, RecordBatch, TopicPartition

BATCH_BYTES = 1_000_000  # a step's outputs in one batch: each waits for the one before it on its partition
OVERHEAD = 48_000  # bytes that a record may have beside its key and value: headers and the batch around it


class KafkaSink:
    """A producer. Once it has failed it is not to be used again: what it still holds is in doubt."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    @classmethod
    async def start(cls, arguments: Mapping[str, Any]) -> Self:
        """Connect."""
        producer = AIOKafkaProducer(
            **arguments,
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            max_request_size=LARGEST_ENCLOSING + OVERHEAD,
        )
        with as_ours():
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
        return cls(producer)

    async def send(self, records: Sequence[RecordBatch]) -> Awaitable[None]:
        """Hand the records over; the answer is done when the broker has confirmed all of them."""
        with as_ours():
            futures = await asyncio.gather(
                *(self._send_runs(place, runs) for place, runs in _by_place(records).items())
            )
        return _confirmed([future for sent in futures for future in sent])

    async def _send_runs(self, place: TopicPartition, runs: Sequence[RecordBatch]) -> list[asyncio.Future[Any]]:
        futures = []
        batch = self._producer.create_batch()
        for run in runs:
            for index, (key, value) in enumerate(zip(run.keys, run.values, strict=True)):
                headers = list(run.headers[index]) if index in run.headers else []
                if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                    futures.append(await self._send_batch(batch, place))
                    batch = self._producer.create_batch()
                    if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                        futures.append(await self._send_alone(place, key, value, headers))  # larger than a batch
        if batch.record_count():
            futures.append(await self._send_batch(batch, place))
        return futures

    async def _send_batch(self, batch: Any, place: TopicPartition) -> asyncio.Future[Any]:
        if not batch.record_count():
            done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done
        future: asyncio.Future[Any] = await self._producer.send_batch(batch, place[0], partition=place[1])
        return future

    async def _send_alone(
        self, place: TopicPartition, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = await self._producer.send(
            place[0], value, key=key, partition=place[1], headers=headers
        )
        return future

    async def close(self) -> None:
        """Wait for what is under way and leave."""
        with as_ours():
            await self._producer.stop()


def _by_place(records: Sequence[RecordBatch]) -> dict[TopicPartition, list[RecordBatch]]:
    """The records of each place, in order: the client sends one batch a place at a time, so they go together."""
    runs: dict[TopicPartition, list[RecordBatch]] = {}
    for run in records:
        runs.setdefault((run.topic, run.partition), []).append(run)
    return runs


async def _confirmed(futures: Sequence[asyncio.Future[Any]]) -> None:
    """Wait for every confirmation, also after one has failed: none is left unlooked at."""
    with as_ours():
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
