"""Writing to Kafka: idempotent, acks=all, whole batches per partition."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from penstock.bus.kafka_errors import as_ours
from penstock.bus.ports import LARGEST_ENCLOSING, Place, Written

BATCH_BYTES = 256 * 1024  # the client's default of 16 KiB costs a third of the throughput
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

    async def send(self, records: Sequence[Written]) -> Awaitable[None]:
        """Hand the records over; the answer is done when the broker has confirmed all of them."""
        futures: list[asyncio.Future[Any]] = []
        with as_ours():
            for place, run in _by_place(records).items():
                futures += await self._send_run(place, run)
        return _confirmed(futures)

    async def _send_run(self, place: Place, run: Sequence[Written]) -> list[asyncio.Future[Any]]:
        futures = []
        batch = self._producer.create_batch()
        for record in run:
            if _append(batch, record) is None:
                futures.append(await self._send_batch(batch, place))
                batch = self._producer.create_batch()
                if _append(batch, record) is None:  # larger than a batch: it goes alone
                    futures.append(await self._send_alone(record))
        if batch.record_count():
            futures.append(await self._send_batch(batch, place))
        return futures

    async def _send_batch(self, batch: Any, place: Place) -> asyncio.Future[Any]:
        if not batch.record_count():
            done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done
        future: asyncio.Future[Any] = await self._producer.send_batch(batch, place[0], partition=place[1])
        return future

    async def _send_alone(self, record: Written) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = await self._producer.send(
            record.topic, record.value, key=record.key, partition=record.partition, headers=list(record.headers)
        )
        return future

    async def close(self) -> None:
        """Wait for what is under way and leave."""
        with as_ours():
            await self._producer.stop()


def _by_place(records: Sequence[Written]) -> dict[Place, list[Written]]:
    """The records of each place, in order: the client sends one batch a place at a time, so they go together."""
    runs: dict[Place, list[Written]] = {}
    for record in records:
        runs.setdefault((record.topic, record.partition), []).append(record)
    return runs


def _append(batch: Any, record: Written) -> Any:
    return batch.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers))


async def _confirmed(futures: Sequence[asyncio.Future[Any]]) -> None:
    """Wait for every confirmation, also after one has failed: none is left unlooked at."""
    with as_ours():
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
