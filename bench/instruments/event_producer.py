"""Produces events at a given rate, for the latency and steady sections.

`python -m bench.instruments.event_producer` reads `ProducerSettings` as JSON from standard input, and prints by how
many seconds the last event was late. It is a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop
from aiokafka import AIOKafkaProducer

from bench.instruments.processes import run_module
from bench.report.terminal import print_line
from bench.workload.events import EncodedRecord, Events
from bench.workload.stream import DISTINCT, draw_rows
from penstock.contracts.declaration.stream_file import read_declaration

BATCH_BYTES = 256 * 1024
TICK_S = 0.001
MAX_DELAY_SHARE = 0.05  # of the time that sending should take


@dataclass(frozen=True)
class ProducerSettings:
    """Which events to send where: `count` from number `first` on, `rate` per second; `stream` is the stream.toml."""

    bootstrap: str
    topic: str
    partitions: int
    stream: str
    rate: float
    count: int
    first: int = 0


async def run_producer(settings: ProducerSettings) -> float:
    """Send the events from a process of its own; by how many seconds the last event was late.

    Raises:
        MeasurementError: the process failed.
    """
    delay = float(await run_module("bench.instruments.event_producer", asdict(settings)))
    if delay > MAX_DELAY_SHARE * settings.count / settings.rate:
        print_line(f"[yellow]the producer was {delay:.1f} s late: the load was lower than intended[/yellow]")
    return delay


async def send_events(settings: ProducerSettings) -> float:
    """Send the events at the rate; by how many seconds the last one was late."""
    events = Events(read_declaration(Path(settings.stream)), draw_rows(DISTINCT, seed=1), settings.partitions)
    producer = AIOKafkaProducer(bootstrap_servers=settings.bootstrap, max_batch_size=BATCH_BYTES, acks=1)
    await producer.start()
    events.values(1)  # encodes the rows before the time is taken
    records = events.encoded(settings.count, settings.first)
    start, sent = time.perf_counter(), 0
    try:
        while sent < settings.count:
            due = min(int((time.perf_counter() - start) * settings.rate) + 1, settings.count)
            await _append(producer, settings, [next(records) for _ in range(due - sent)])
            sent = due
            await asyncio.sleep(max(TICK_S, 1 / settings.rate / 2))
        delay = time.perf_counter() - start - settings.count / settings.rate
        await producer.flush()
        return delay
    finally:
        await producer.stop()


async def _append(
    producer: AIOKafkaProducer, settings: ProducerSettings, records: Sequence[tuple[int, EncodedRecord]]
) -> None:
    builders: dict[int, Any] = {}
    for partition, (key, value, headers) in records:
        builder = builders.get(partition) or producer.create_batch()
        builders[partition] = builder
        if builder.append(key=key, value=value, timestamp=None, headers=headers) is None:
            await producer.send_batch(builder, settings.topic, partition=partition)
            builders[partition] = producer.create_batch()
            builders[partition].append(key=key, value=value, timestamp=None, headers=headers)
    for partition, builder in builders.items():
        await producer.send_batch(builder, settings.topic, partition=partition)


def main() -> None:
    """Send what the settings on standard input say."""
    gc.disable()  # nothing here is cyclic
    settings = ProducerSettings(**json.load(sys.stdin))
    json.dump(uvloop.run(send_events(settings)), sys.stdout)


if __name__ == "__main__":
    main()
