"""The loop of most tutorials: one record, a DataFrame of one row, a scikit-learn pipeline, `send_and_wait`."""

from __future__ import annotations

import asyncio
import json
import os

import pandas as pd
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pipeline import open_pipeline
from settings import BROKER, GROUP, INPUT, OUTPUT

pipeline = open_pipeline(os.environ["BENCH_PIPELINE"])


def predict_event(value: bytes) -> tuple[bytes, bytes]:
    """The key and the value of the prediction for an event."""
    event = json.loads(value)
    data = event["data"]
    score = float(pipeline.predict_proba(pd.DataFrame([data]))[0, 1])
    prediction = {
        "id": event["id"],
        "account": data["account"],
        "time": event["time"],
        "score": score,
        "label": int(score > 0.5),
        "model": "bench",
        "version": "1",
    }
    return data["account"].encode(), json.dumps(prediction).encode()


async def main() -> None:
    """Predict until stopped."""
    consumer = AIOKafkaConsumer(INPUT, bootstrap_servers=BROKER, group_id=GROUP, auto_offset_reset="earliest")
    producer = AIOKafkaProducer(bootstrap_servers=BROKER)
    await consumer.start()
    await producer.start()
    async for record in consumer:
        key, value = predict_event(record.value)
        await producer.send_and_wait(OUTPUT, value, key=key)


asyncio.run(main())
