"""Positions that the log no longer has: records that expired, a tail that was lost, a topic that was made anew.

One suite for every log.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from penstock.bus.errors import ReplacedTopic
from penstock.bus.follower import TopicFollower
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.kafka.partition_gaps import gap_at
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import FetchedBatch, Gap, Log, NewTopic, RecordBatch, Source, TopicPartition
from penstock.contracts.topics import DRIFT, STREAMS, Topic


@dataclass(frozen=True)
class DamagedMemory:
    """A memory log, and what may happen to it."""

    log: MemoryLog

    def open(self) -> Log:
        return self.log

    async def expire(self, topic_partition: TopicPartition, before_offset: int) -> None:
        self.log.expire(topic_partition, before_offset)

    async def recreate(self, topic: str, log: Log) -> None:  # noqa: ARG002 - there is but one
        self.log.recreate(topic)


@dataclass(frozen=True)
class DamagedKafka:
    """A broker, and what may happen to a log on it."""

    bootstrap: str

    def open(self) -> Log:
        return KafkaLog(Connection(self.bootstrap), "test", "suite")

    async def expire(self, topic_partition: TopicPartition, before_offset: int) -> None:
        records = {KafkaTopicPartition(*topic_partition): RecordsToDelete(before_offset)}
        await self._with_admin(lambda admin: admin.delete_records(records))

    async def recreate(self, topic: str, log: Log) -> None:
        await self._with_admin(lambda admin: admin.delete_topics([topic]))
        async with asyncio.timeout(30):
            while await log.topic_ids([topic]):  # noqa: ASYNC110 - a broker has no event for it
                await asyncio.sleep(0.05)
        await log.create([NewTopic(topic, 1)])

    async def _with_admin(self, do: Callable[[AIOKafkaAdminClient], Awaitable[object]]) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        await do(admin)
        await admin.close()


Damaged = DamagedMemory | DamagedKafka


@pytest.fixture(params=["memory", "kafka"])
def damaged(request: pytest.FixtureRequest) -> Damaged:
    if request.param == "memory":
        return DamagedMemory(MemoryLog())
    return DamagedKafka(request.getfixturevalue("broker"))


class Listener:
    """A rebalance listener that knows where to start."""

    def __init__(self, starts: Mapping[TopicPartition, int] | None = None) -> None:
        self._starts = dict(starts or {})

    async def on_assigned(self, topic_partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {key: at for key, at in self._starts.items() if key in topic_partitions}

    async def on_revoked(self, topic_partitions: Collection[TopicPartition]) -> None: ...


def unique_topic() -> str:
    return f"test.s{uuid.uuid4().hex[:8]}.events"


async def write(log: Log, topic: str, count: int) -> None:
    sink = await log.sink()
    await (await sink.send([RecordBatch(topic, 0, [None] * count, [b"%d" % number for number in range(count)])]))
    await sink.close()


async def poll_until(source: Source, condition: Callable[[FetchedBatch], bool]) -> list[FetchedBatch]:
    batches: list[FetchedBatch] = []
    async with asyncio.timeout(30):
        while not any(condition(batch) for batch in batches):
            batches += await source.poll(1000, 0.1)
    return batches


async def next_gap(source: Source) -> FetchedBatch:
    return (await poll_until(source, lambda batch: batch.gap is not None))[-1]


async def next_records(source: Source) -> list[int]:
    batches = await poll_until(source, lambda batch: bool(batch.records))
    return [record.offset for batch in batches for record in batch.records]


async def replaced(log: Log, topic: str, expected: int) -> Gap:
    """The gap of a reader at `expected` in the topic before the present one."""
    return Gap("replaced", expected, 0, (await log.topic_ids([topic]))[topic])


async def commit(log: Log, group: str, topic: str, position: int) -> None:
    source = await log.source(group, Listener())
    await source.subscribe([topic])
    await poll_until(source, lambda batch: batch.position >= position)
    await source.commit({(topic, 0): position})
    await source.close()


async def test_records_that_expired_while_a_group_was_down_are_a_gap_until_it_seeks(damaged: Damaged) -> None:
    topic, log = unique_topic(), damaged.open()
    await log.create([NewTopic(topic, 1)])
    await write(log, topic, 500)
    await commit(log, "g" + topic, topic, 50)
    await damaged.expire((topic, 0), 450)
    source = await log.source("g" + topic, Listener())
    await source.subscribe([topic])
    batch = await next_gap(source)
    assert (batch.position, batch.records, batch.gap) == (50, (), Gap("expired", 50, 450))
    source.resume([(topic, 0)])
    assert await source.poll(1000, 0.5) == []
    source.seek({(topic, 0): 450})
    assert await next_records(source) == list(range(450, 500))
    await source.close()
    await log.close()


async def test_a_first_start_on_a_log_that_no_longer_begins_at_0_is_no_gap(damaged: Damaged) -> None:
    topic, log = unique_topic(), damaged.open()
    await log.create([NewTopic(topic, 1)])
    await write(log, topic, 20)
    await damaged.expire((topic, 0), 15)
    source = await log.source("g" + topic, Listener())
    await source.subscribe([topic])
    assert await next_records(source) == list(range(15, 20))
    await source.close()
    await log.close()


async def test_a_position_beyond_the_end_is_a_lost_tail(damaged: Damaged) -> None:
    topic, log = unique_topic(), damaged.open()
    await log.create([NewTopic(topic, 1)])
    await write(log, topic, 100)
    source = await log.source("g" + topic, Listener({(topic, 0): 500}))
    await source.subscribe([topic])
    assert (await next_gap(source)).gap == Gap("lost", 500, 100)
    source.seek({(topic, 0): 100})
    await write(log, topic, 1)
    assert await next_records(source) == [100]
    await source.close()
    await log.close()


async def test_records_that_expire_under_a_paused_member_are_a_gap_when_it_reads_on(damaged: Damaged) -> None:
    topic, log = unique_topic(), damaged.open()
    await log.create([NewTopic(topic, 1)])
    await write(log, topic, 10)
    source = await log.source("g" + topic, Listener())
    await source.subscribe([topic])
    await next_records(source)
    source.pause([(topic, 0)])
    await write(log, topic, 100)
    source.seek({(topic, 0): 10})
    await damaged.expire((topic, 0), 60)
    source.resume([(topic, 0)])
    assert (await next_gap(source)).gap == Gap("expired", 10, 60)
    await source.close()
    await log.close()


async def test_a_topic_made_anew_under_a_member_is_replaced_whatever_its_offsets(damaged: Damaged) -> None:
    topic, log = unique_topic(), damaged.open()
    await log.create([NewTopic(topic, 1)])
    await write(log, topic, 20)
    source = await log.source("g" + topic, Listener())
    await source.subscribe([topic])
    await next_records(source)
    await source.commit({(topic, 0): 20})
    await source.close()
    await damaged.recreate(topic, log)
    assert (topic, 0) not in await log.committed("g" + topic)  # Kafka deletes commits with the topic
    await write(log, topic, 30)
    source = await log.source("g" + topic, Listener())
    await source.subscribe([topic])
    assert (await next_gap(source)).gap == await replaced(log, topic, 20)
    source.seek({(topic, 0): 0})
    assert await next_records(source) == list(range(30))
    await source.close()
    await log.close()


async def test_a_topic_made_anew_again_before_its_gap_was_passed_over_is_replaced_again(damaged: Damaged) -> None:
    topic, log = unique_topic(), damaged.open()
    await log.create([NewTopic(topic, 1)])
    await write(log, topic, 20)
    await commit(log, "g" + topic, topic, 20)
    await damaged.recreate(topic, log)
    source = await log.source("g" + topic, Listener())
    await source.subscribe([topic])
    assert (await next_gap(source)).gap == await replaced(log, topic, 20)
    await damaged.recreate(topic, log)
    source.seek({(topic, 0): 0})
    await source.commit({(topic, 0): 0})
    await source.close()
    source = await log.source("g" + topic, Listener())
    await source.subscribe([topic])
    assert (await next_gap(source)).gap == await replaced(log, topic, 0)
    await source.close()
    await log.close()


async def test_a_reader_gives_the_gap_and_then_what_is_behind_it(damaged: Damaged) -> None:
    topic, log = unique_topic(), damaged.open()
    await log.create([NewTopic(topic, 1)])
    await write(log, topic, 20)
    await damaged.expire((topic, 0), 15)
    reader = await log.reader({(topic, 0): 3})
    gap, *batches = await reader.read_to_end()
    assert gap.gap == Gap("expired", 3, 15)
    assert [record.offset for batch in batches for record in batch.records] == list(range(15, 20))
    await reader.close()
    await log.close()


async def test_a_reader_gives_the_gaps_of_what_it_took_on(damaged: Damaged) -> None:
    expired, recreated, log = unique_topic(), unique_topic(), damaged.open()
    await log.create([NewTopic(expired, 1), NewTopic(recreated, 1)])
    await write(log, expired, 20)
    await write(log, recreated, 20)
    await damaged.expire((expired, 0), 15)
    reader = await log.reader({})

    async def read(offset: int) -> tuple[list[Gap], list[int]]:
        batches: list[FetchedBatch] = []
        async with asyncio.timeout(60):
            while not any(record.offset == offset for batch in batches for record in batch.records):
                batches += await reader.poll(0.1)
        offsets = [record.offset for batch in batches for record in batch.records]
        return [batch.gap for batch in batches if batch.gap is not None], offsets

    await reader.add({(expired, 0): 3})
    assert await read(19) == ([Gap("expired", 3, 15)], list(range(15, 20)))
    await reader.remove([(expired, 0)])
    await reader.add({(recreated, 0): 0})
    assert await read(19) == ([], list(range(20)))
    await damaged.recreate(recreated, log)
    await write(log, recreated, 5)
    assert await read(4) == ([await replaced(log, recreated, 20)], list(range(5)))
    await reader.close()
    await log.close()


def follower(log: Log, namespace: str, topic: Topic[Any], applied: list[Any]) -> TopicFollower[Any]:
    return TopicFollower(log, namespace, topic, applied.append)


@pytest.mark.parametrize(("topic", "holds"), [(STREAMS, True), (DRIFT, False)])
async def test_a_follower_holds_where_a_topic_lost_records_that_never_expire(
    damaged: Damaged, topic: Topic[Any], holds: bool
) -> None:
    namespace, log = unique_topic().split(".")[1], damaged.open()
    await log.create([NewTopic(topic.name(namespace), 1)])
    await write(log, topic.name(namespace), 10)
    await damaged.expire((topic.name(namespace), 0), 4)
    following = follower(log, namespace, topic, [])
    if holds:
        for _ in range(2):
            with pytest.raises(ReplacedTopic, match=r"from offset 0 on are gone \(expired, the log has 4\)"):
                await following.start()
        assert list(following.failures()) == [topic.name(namespace)]
    else:
        await following.start()
        assert (following.position, following.failures()) == (10, {})
    await following.close()
    await log.close()


async def test_a_follower_holds_where_its_topic_was_made_anew(damaged: Damaged) -> None:
    namespace, log = unique_topic().split(".")[1], damaged.open()
    topic = STREAMS.name(namespace)
    await log.create([NewTopic(topic, 1)])
    await write(log, topic, 3)
    following = follower(log, namespace, STREAMS, [])
    await following.start()
    await damaged.recreate(topic, log)
    await write(log, topic, 5)
    with pytest.raises(ReplacedTopic, match="made anew"):
        await following.start()
    await following.close()
    await log.close()


@pytest.mark.parametrize(
    ("position", "expected"), [(2, Gap("expired", 2, 3)), (3, None), (7, None), (8, Gap("lost", 8, 7))]
)
def test_a_position_is_a_gap_outside_of_what_the_log_has(position: int, expected: Gap | None) -> None:
    assert gap_at(position, 3, 7) == expected
