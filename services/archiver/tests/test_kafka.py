"""On a real broker: each record is in one row though a store fails and members change; commits say what is there."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.archiver.archive_files import ROOT
from penstock.archiver.archive_follower import ArchiveFollower
from penstock.archiver.archived_partition import FileRules
from penstock.bus.errors import BrokerUnavailable
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.ports import RecordBatch, TopicPartition
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.topics import ARCHIVER, PREDICTIONS
from penstock.runtime.single_process import SingleProcess

from .site import FaultyFiles, declared, example, prediction

STREAM = declared(example("stream-declared"))


async def write(log: KafkaLog, topic: str, numbers: Sequence[int]) -> None:
    sink = await log.sink()
    by_partition = [[number for number in numbers if number % 4 == partition] for partition in range(4)]
    batches = [
        RecordBatch(topic, partition, [b"key"] * len(mine), [prediction(number) for number in mine])
        for partition, mine in enumerate(by_partition)
    ]
    await (await sink.send(batches))
    await sink.close()


async def is_archived(log: KafkaLog, member: ArchiveFollower, ends: dict[TopicPartition, int]) -> bool:
    """Let the member work a little; whether it has committed all."""
    try:
        await member.step(0.1)
        return await log.committed(ARCHIVER, ends) == ends
    except BrokerUnavailable:  # of a group that is just being made
        await member.close()
        return False


async def test_records_are_archived_once_though_a_store_fails_and_members_change(broker: str) -> None:
    namespace = f"a{uuid.uuid4().hex[:8]}"
    log, store = KafkaLog(Connection(broker), namespace, "test"), FaultyFiles()
    await log.create([*control_topics(namespace), *stream_topics(namespace, STREAM)])
    process = SingleProcess(namespace=namespace)
    resources = replace(process.resources(), log=log)
    resources.streams.apply(STREAM)
    topic = PREDICTIONS.name(namespace, "loans")
    keys = [(topic, number) for number in range(4)]
    written = 0
    for fault in ("doubtful", ""):
        await write(log, topic, range(written, written := written + 400))
        store.faults.extend([fault] if fault else [])
        member = ArchiveFollower(resources, store, FileRules(50, 0, 400))
        async with asyncio.timeout(60):
            while not await is_archived(log, member, dict.fromkeys(keys, written // 4)):
                process.clock.advance_to(process.clock() + 10_000)
        await member.close()
    contents = [store.read(f"{ROOT}/{name}") for name in store.sizes(ROOT)]
    rows = pa.concat_tables([pq.read_table(pa.BufferReader(content)) for content in contents])
    assert Counter(rows["id"].to_pylist()) == Counter(f"e{number}" for number in range(written))
    await log.close()
