"""A source on a real broker: a topic with tombstones that another producer compressed, read by two instances."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.memory.log import system_clock
from penstock.bus.ports import NewTopic, TopicPartition
from penstock.bus.publisher import Publisher
from penstock.bus.state.unit_state import MemoryStateStores
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import RECEIVED, REJECTED
from penstock.ingestion.sources.sources import Sources
from penstock.runtime.log_writer import LogWriter, WriteLimits
from penstock.runtime.service import Resources
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import start_telemetry

from .source_site import LOANS, TABLE, change, row

ROWS = 300


class Instance:
    """Ingestion's sources in a process of their own, on a real broker."""

    def __init__(self, broker: str, stream: StreamDeclared) -> None:
        self.log = KafkaLog(Connection(broker), "penstock", "ingestion")
        streams = Streams()
        streams.apply(stream)
        publisher = Publisher(self.log, "penstock", streams)
        self.resources = Resources(
            "penstock",
            self.log,
            streams,
            publisher,
            start_telemetry("penstock", environ={}),
            system_clock,
            MemoryStateStores(),
            Metrics(),
        )
        received, rejected = (LogWriter(publisher, topic, WriteLimits()) for topic in (RECEIVED, REJECTED))
        self.sources = Sources(self.resources, received, rejected, self.open_log, httpx.AsyncClient())
        self.task = asyncio.create_task(self.sources.run())

    def open_log(self, servers: str) -> KafkaLog:
        return KafkaLog(Connection(servers), "penstock", "penstock-source")

    @property
    def read(self) -> int:
        return sum(facts["read"] for facts in self.sources.health().get("sources", {}).values())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.resources.publisher.close()
        await self.log.close()


async def send(broker: str, topic: str, numbers: range) -> None:
    """Each row is inserted, labelled, deleted, and marked for compaction."""
    async with AIOKafkaProducer(bootstrap_servers=broker, compression_type="zstd") as producer:
        for number in numbers:
            new, known = row(number), row(number, defaulted="yes")
            values = [change("c", new), change("u", known, new), change("d", None, known), None]
            for value in values:
                await producer.send(topic, value, key=b"%d" % number)


async def values(log: KafkaLog, topic: str, partitions: int) -> list[Any]:
    keys: list[TopicPartition] = [(topic, number) for number in range(partitions)]
    reader = await log.reader(dict.fromkeys(keys, 0))
    batches = await reader.read_to_end()
    await reader.close()
    return [json.loads(record.value or b"") for batch in batches for record in batch.records]


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - a broker has no event for it
            await asyncio.sleep(0.02)


async def test_a_table_of_another_cluster_is_read_once_by_instances_that_come_and_go(broker: str) -> None:
    name = f"loans-{uuid.uuid4().hex[:8]}"
    topic = f"shop.{name}"
    source = TABLE.replace("shop.public.loans", topic) + f'servers = "{broker}"\n'
    declaration = parse_declaration(LOANS.replace('name = "loans"', f'name = "{name}"') + source)
    stream = StreamDeclared(source="t", id=name, time=datetime.now(UTC), version=1, declaration=declaration)
    log = KafkaLog(Connection(broker), "penstock", "test")
    await log.create([*control_topics("penstock"), *stream_topics("penstock", stream), NewTopic(topic, 3)])

    first, second = Instance(broker, stream), Instance(broker, stream)
    await send(broker, topic, range(ROWS))
    await eventually(lambda: first.read + second.read > ROWS)
    await first.stop()
    await send(broker, topic, range(ROWS, 2 * ROWS))
    keys: list[TopicPartition] = [(topic, number) for number in range(3)]
    ends = await log.end_offsets(keys)
    async with asyncio.timeout(60):
        while await log.committed(f"penstock.{name}.source.table", keys) != ends:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.1)
    await second.stop()

    received = await values(log, f"penstock.{name}.received", declaration.partition_count)
    rejected = await values(log, f"penstock.{name}.rejected", declaration.partition_count)
    await log.close()
    bodies = {(record["id"], json.dumps(record)): record for record in received}  # a stop may have some written again
    assert len(bodies) == len({record["id"] for record in received})
    kinds = Counter((record["type"], record["source"]) for record in bodies.values())
    assert kinds == {("penstock.event.v1", "table"): 2 * ROWS, ("penstock.label.v1", "table"): 2 * ROWS}
    codes = Counter({rejection["id"]: rejection["data"]["code"] for rejection in rejected}.values())
    assert codes == {"unmapped_change": 2 * ROWS}
