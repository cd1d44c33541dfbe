"""The producer of the latency and steady sections, a process of its own: events at a rate, every few milliseconds.

`python -m bench.producer` reads its orders as JSON from standard input, and prints how late it came at the worst.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from aiokafka import AIOKafkaProducer

from bench.events import Encoded, Events
from bench.stream import DISTINCT, draw
from penstock.contracts.declaration.stream_file import read_declaration

BATCH_BYTES = 256 * 1024
TICK_S = 0.001


@dataclass(frozen=True)
class Orders:
    """Which events to send where: `count` from number `first` on, `rate` a second; `stream` is the stream.toml."""

    bootstrap: str
    topic: str
    partitions: int
    stream: str
    rate: float
    count: int
    first: int = 0


async def send(orders: Orders) -> float:
    """Send as ordered; by how many seconds the last event was late."""
    events = Events(read_declaration(Path(orders.stream)), draw(DISTINCT, seed=1), orders.partitions)
    producer = AIOKafkaProducer(bootstrap_servers=orders.bootstrap, max_batch_size=BATCH_BYTES, acks=1)
    await producer.start()
    events.values(1)  # encodes the rows: not while the clock runs
    records = events.encoded(orders.count, orders.first)
    began, sent = time.perf_counter(), 0
    try:
        while sent < orders.count:
            due = min(int((time.perf_counter() - began) * orders.rate) + 1, orders.count)
            await _append(producer, orders, [next(records) for _ in range(due - sent)])
            sent = due
            await asyncio.sleep(max(TICK_S, 1 / orders.rate / 2))
        late = time.perf_counter() - began - orders.count / orders.rate
        await producer.flush()
        return late
    finally:
        await producer.stop()


async def _append(producer: AIOKafkaProducer, orders: Orders, records: Sequence[tuple[int, Encoded]]) -> None:
    builders: dict[int, Any] = {}
    for partition, (key, value, headers) in records:
        builder = builders.get(partition) or producer.create_batch()
        builders[partition] = builder
        if builder.append(key=key, value=value, timestamp=None, headers=headers) is None:
            await producer.send_batch(builder, orders.topic, partition=partition)
            builders[partition] = producer.create_batch()
            builders[partition].append(key=key, value=value, timestamp=None, headers=headers)
    for partition, builder in builders.items():
        await producer.send_batch(builder, orders.topic, partition=partition)


def main() -> None:
    """Do as ordered."""
    gc.disable()  # nothing here is cyclic
    orders = Orders(**json.load(sys.stdin))
    json.dump(uvloop.run(send(orders)), sys.stdout)


if __name__ == "__main__":
    main()
