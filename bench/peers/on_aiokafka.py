"""The echo floor: aiokafka alone. Every record is forwarded with its key and headers; no model, no commit."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from settings import BATCH, BATCH_BYTES, BROKER, GROUP, INPUT, LINGER_MS, OUTPUT


async def main() -> None:
    """Forward until stopped."""
    consumer = AIOKafkaConsumer(
        INPUT, bootstrap_servers=BROKER, group_id=GROUP, auto_offset_reset="earliest", enable_auto_commit=False
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=BROKER,
        acks="all",
        enable_idempotence=True,
        linger_ms=LINGER_MS,
        max_batch_size=BATCH_BYTES,
    )
    await consumer.start()
    await producer.start()
    while True:
        fetched = await consumer.getmany(timeout_ms=200, max_records=BATCH)
        for records in fetched.values():
            for record in records:
                await producer.send(OUTPUT, record.value, key=record.key, headers=list(record.headers))


asyncio.run(main())
