"""`python -m bench.units`: many units. How long they take to start, how many descriptors they hold, and how long a
member that is stopped (SIGTERM, here a cancellation) keeps its units from the next.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.report.terminal import print_line
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import Log, RecordBatch
from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state.rocksdb import RocksStateStores
from penstock.bus.state.unit_state import State
from penstock.bus.topics import stream_topics
from penstock.bus.worker.worker import Worker
from penstock.console.broker.standalone import running_broker
from penstock.contracts.batch import AnyOutputs, Batch
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.events import Label
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import LABELS
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import start_telemetry

NAMESPACE = "units"
PARTITIONS = 4
MEMORY_STREAMS, BROKER_STREAMS = 1000, 100
HAND_OVERS = 10
WITHIN = 120.0  # seconds that anything may take
DECLARATION = """
[stream]
name = "{name}"
task = "binary"
partitions = 4
entity = "customer"
[label]
name = "y"
classes = ["0", "1"]
[fields]
customer = {{ type = "category" }}
"""


class Member:
    """A worker of the group, and when it first and last handled each unit."""

    def __init__(self, log: Log, streams: Streams, folder: Path) -> None:
        self.handled: dict[Unit, float] = {}
        telemetry = start_telemetry("bench", environ={})
        group = Group("units", (LABELS,), self._open, stateful=True)
        self._worker = Worker(group, log, NAMESPACE, streams, RocksStateStores(folder), telemetry, Metrics())
        self.started = time.perf_counter()
        self._task = asyncio.create_task(self._worker.run())

    def _open(self, unit: Unit, state: State) -> Sequence[Route]:
        def handle(batch: Batch[Label]) -> Iterable[AnyOutputs]:
            for record in batch.records:
                state.put(record.id.encode(), b"")
            self.handled[unit] = time.perf_counter()
            return []

        return [route(LABELS, handle)]

    async def wait_for(self, units: int) -> float:
        """Wait until so many units have been handled; seconds since the start."""
        async with asyncio.timeout(WITHIN):
            while len(self.handled) < units:  # noqa: ASYNC110 - polled at the precision of the figures
                await asyncio.sleep(0.005)
        return max(self.handled.values()) - self.started

    async def stop(self) -> None:
        """Stop as a service does at SIGTERM."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def _declared(number: int) -> StreamDeclared:
    name = f"s{number}"
    declaration = parse_declaration(DECLARATION.format(name=name))
    fields = {"source": "bench", "id": name, "time": "2026-01-01T00:00:00Z", "version": 1, "declaration": declaration}
    return StreamDeclared.model_validate(fields)


def _label(number: int) -> bytes:
    data = {"event_id": str(number), "event_source": "bench", "value": "1", "entity": "e"}
    record = {"type": "penstock.label.v1", "source": "bench", "id": str(number), "time": "2026-01-01T00:00:00Z"}
    return json.dumps({**record, "data": data}).encode()


def _record(stream: int, partition: int) -> RecordBatch:
    return RecordBatch.single(f"{NAMESPACE}.s{stream}.labels", partition, b"e", _label(0))


async def _declare(log: Log, count: int) -> Streams:
    streams = Streams()
    for number in range(count):
        streams.apply(_declared(number))
        topics = stream_topics(NAMESPACE, _declared(number))
        await log.create([topic for topic in topics if topic.name.endswith(".labels")])
    return streams


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def _start(name: str, log: Log, streams: Streams, count: int, folder: Path) -> None:
    """How long a member takes from its start to the first record of any unit, and to a record of each."""
    sink = await log.sink()
    await (await sink.send([_record(count - 1, PARTITIONS - 1)]))
    member = Member(log, streams, folder)
    print_line(f"{name}: first record {await member.wait_for(1):.2f} s after the start, {_descriptors()} descriptors")
    began = time.perf_counter()
    records = [_record(stream, partition) for stream in range(count) for partition in range(PARTITIONS)]
    await (await sink.send(records))
    await sink.close()
    await member.wait_for(count * PARTITIONS)
    print_line(
        f"{name}: a record in each handled {time.perf_counter() - began:.2f} s later, {_descriptors()} descriptors"
    )
    await member.stop()
    again = Member(log, streams, folder)
    await (await (sink := await log.sink()).send([_record(0, 0)]))
    await sink.close()
    print_line(f"{name}: first record {await again.wait_for(1):.2f} s after a restart, {_descriptors()} descriptors")
    await again.stop()


async def _hand_over(log: Log, streams: Streams, folder: Path) -> None:
    """How long the units of a member that stops are handled by nobody, while records keep coming to all."""
    sink = await log.sink()
    writing = True

    async def write() -> None:
        while writing:
            await (await sink.send([_record(0, partition) for partition in range(PARTITIONS)]))
            await asyncio.sleep(0.01)

    task = asyncio.create_task(write())
    stays = Member(log, streams, folder)
    await stays.wait_for(PARTITIONS)
    pauses, stops = [], []
    for _ in range(HAND_OVERS):
        leaves = Member(log, streams, folder)
        await leaves.wait_for(PARTITIONS // 2)
        await asyncio.sleep(0.2)
        began = time.perf_counter()
        await leaves.stop()
        stops.append(time.perf_counter() - began)
        stays.handled = {}
        await stays.wait_for(PARTITIONS)
        pauses.append(max(stays.handled[unit] for unit in leaves.handled) - max(leaves.handled.values()))
    writing = False
    await task
    await stays.stop()
    await sink.close()
    print_line(f"hand-over: {min(pauses):.2f} to {max(pauses):.2f} s unhandled; the stop took up to {max(stops):.2f} s")


async def _measure(bootstrap: str, folder: Path, what: str) -> None:
    memory = MemoryLog()
    kafka = KafkaLog(Connection(bootstrap), NAMESPACE, "bench")
    if what in ("all", "memory"):
        streams = await _declare(memory, MEMORY_STREAMS)
        await _start(f"{MEMORY_STREAMS * PARTITIONS} units, memory", memory, streams, MEMORY_STREAMS, folder / "memory")
    if what in ("all", "broker"):
        streams = await _declare(kafka, BROKER_STREAMS)
        await _start(f"{BROKER_STREAMS * PARTITIONS} units, broker", kafka, streams, BROKER_STREAMS, folder / "broker")
    if what in ("all", "hand-over"):
        await _hand_over(kafka, await _declare(kafka, 1), folder / "hand-over")
    await kafka.close()


def main() -> None:
    """Start a broker, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.units", description=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=["all", "memory", "broker", "hand-over"])
    what = parser.parse_args().what
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name, running_broker(Path(name) / "home") as bootstrap:
        asyncio.run(_measure(bootstrap, Path(name), what))


if __name__ == "__main__":
    main()
