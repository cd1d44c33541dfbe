"""Writing to Kafka: idempotent, acks=all, whole batches per partition."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from itertools import groupby
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from penstock.bus.errors import RecordTooLarge
from penstock.bus.kafka_errors import as_ours
from penstock.bus.ports import Place, Written

BATCH_BYTES = 256 * 1024  # the client's default of 16 KiB costs a third of the throughput
LARGEST_RECORD = 1_000_000  # bytes: a little under what the broker takes


class KafkaSink:
    """A producer. Once it has failed it is not to be used again: what it still holds is in doubt."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    @classmethod
    async def start(cls, arguments: Mapping[str, Any]) -> Self:
        """Connect."""
        producer = AIOKafkaProducer(
            **arguments, enable_idempotence=True, max_batch_size=BATCH_BYTES, max_request_size=LARGEST_RECORD + 48_000
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
        for record in records:
            if len(record.value or b"") + len(record.key or b"") > LARGEST_RECORD:
                raise RecordTooLarge(f"a record for {record.topic} is larger than {LARGEST_RECORD} bytes")
        futures: list[asyncio.Future[Any]] = []
        with as_ours():
            for place, run in groupby(records, key=lambda record: (record.topic, record.partition)):
                futures += await self._send_run(place, list(run))
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


def _append(batch: Any, record: Written) -> Any:
    return batch.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers))


async def _confirmed(futures: Sequence[asyncio.Future[Any]]) -> None:
    """Wait for every confirmation, also after one has failed: none is left unlooked at."""
    with as_ours():
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
