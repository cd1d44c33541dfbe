"""One behaviour suite for every log: what Kafka does, the memory bus does."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager

import pytest

from penstock.bus.errors import RecordTooLarge
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.kafka.sink import OVERHEAD
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import (
    LARGEST_ENCLOSING,
    LARGEST_RECORD,
    FetchedBatch,
    Log,
    NewTopic,
    RecordBatch,
    Source,
    TopicPartition,
)

Open = Callable[[], Log]


@pytest.fixture(params=["memory", "kafka"])
def open_log(request: pytest.FixtureRequest) -> Open:
    if request.param == "memory":
        return MemoryLog
    bootstrap: str = request.getfixturevalue("broker")
    return lambda: KafkaLog(Connection(bootstrap), "test", "suite")


class Recorded:
    """An owner that writes down what it gains and loses."""

    def __init__(self, starts: Mapping[TopicPartition, int] | None = None) -> None:
        self.starts = dict(starts or {})
        self.owned: set[TopicPartition] = set()

    async def gained(self, places: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        self.owned |= set(places)
        return {place: self.starts[place] for place in places if place in self.starts}

    async def lost(self, places: Collection[TopicPartition]) -> None:
        self.owned -= set(places)


def fresh(noun: str = "events") -> str:
    return f"test.s{uuid.uuid4().hex[:8]}.{noun}"


@asynccontextmanager
async def opened(open_log: Open, *topics: NewTopic) -> AsyncIterator[Log]:
    log = open_log()
    await log.create(topics)
    try:
        yield log
    finally:
        await log.close()


async def write(log: Log, *records: RecordBatch) -> None:
    sink = await log.sink()
    await (await sink.send(records))
    await sink.close()


async def gather(
    poll: Callable[[], Awaitable[list[FetchedBatch]]], count: int
) -> list[tuple[str, int, int, bytes | None]]:
    found: list[tuple[str, int, int, bytes | None]] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            found += [(f.topic, f.partition, r.offset, r.value) for f in await poll() for r in f.records]
    return found


async def drained(source: Source, count: int) -> list[bytes | None]:
    return [value for *_, value in await gather(lambda: source.poll(500, 0.1), count)]


def numbered(topic: str, count: int, partition: int = 0) -> list[RecordBatch]:
    return [RecordBatch.one(topic, partition, b"k", b"%d" % number) for number in range(count)]


async def test_a_group_reads_what_was_written_in_order_and_with_its_headers(open_log: Open) -> None:
    topic = fresh()
    async with opened(open_log, NewTopic(topic, 1)) as log:
        await write(log, RecordBatch.one(topic, 0, b"key", b"value", (("traceparent", b"00"),)), *numbered(topic, 3))
        source = await log.source("g" + topic, Recorded())
        await source.subscribe([topic])
        fetched: list[FetchedBatch] = []
        while sum(len(part.records) for part in fetched) < 4:
            fetched += await source.poll(500, 0.1)
        records = [record for part in fetched for record in part.records]
        assert (records[0].key, records[0].value) == (b"key", b"value")
        assert list(records[0].headers) == [("traceparent", b"00")]
        assert [record.value for record in records[1:]] == [b"0", b"1", b"2"]
        assert [record.offset for record in records] == [0, 1, 2, 3]
        assert all(record.timestamp > 0 for record in records)
        await source.close()


async def test_a_member_goes_on_where_the_group_committed(open_log: Open) -> None:
    topic = fresh()
    group = "g" + topic
    async with opened(open_log, NewTopic(topic, 1)) as log:
        await write(log, *numbered(topic, 10))
        first = await log.source(group, Recorded())
        await first.subscribe([topic])
        await drained(first, 10)
        await first.commit({(topic, 0): 7})
        await first.close()
        assert (await log.committed(group))[topic, 0] == 7
        second = await log.source(group, Recorded())
        await second.subscribe([topic])
        assert await drained(second, 3) == [b"7", b"8", b"9"]
        await second.close()


async def test_an_owner_says_where_to_start_whatever_the_group_committed(open_log: Open) -> None:
    topic = fresh()
    async with opened(open_log, NewTopic(topic, 1)) as log:
        await write(log, *numbered(topic, 5))
        source = await log.source("g" + topic, Recorded({(topic, 0): 3}))
        await source.subscribe([topic])
        assert await drained(source, 2) == [b"3", b"4"]
        await source.close()


async def test_a_subscription_grows_to_new_topics(open_log: Open) -> None:
    old, new = fresh(), fresh()
    async with opened(open_log, NewTopic(old, 1)) as log:
        owner = Recorded()
        source = await log.source("g" + old, owner)
        await source.subscribe([old])
        await write(log, *numbered(old, 1))
        assert await drained(source, 1) == [b"0"]
        await source.commit({(old, 0): 1})
        await log.create([NewTopic(new, 2)])
        await source.subscribe([old, new])
        await write(log, *numbered(new, 1, partition=1))
        assert await drained(source, 1) == [b"0"]
        assert owner.owned == {(old, 0), (new, 0), (new, 1)}
        await source.close()


async def test_a_member_without_topics_finds_nothing_and_takes_them_up_later(open_log: Open) -> None:
    topic = fresh()
    async with opened(open_log, NewTopic(topic, 1)) as log, asyncio.timeout(30):
        source = await log.source("g" + topic, Recorded())
        await source.subscribe([])
        assert await source.poll(10, 0.01) == []
        await write(log, *numbered(topic, 1))
        await source.subscribe([topic])
        assert await drained(source, 1) == [b"0"]
        await source.close()


async def test_a_reader_reads_from_an_offset_to_the_end_and_on(open_log: Open) -> None:
    topic = fresh()
    async with opened(open_log, NewTopic(topic, 1)) as log:
        await write(log, *numbered(topic, 5))
        reader = await log.reader({(topic, 0): 2})
        assert [r.value for part in await reader.read_to_end() for r in part.records] == [b"2", b"3", b"4"]
        assert await reader.read_to_end() == []
        late = await log.reader({(topic, 0): None})
        await write(log, RecordBatch.one(topic, 0, None, b"new"))
        assert [value for *_, value in await gather(lambda: late.poll(0.1), 1)] == [b"new"]
        await reader.close()
        await late.close()


async def test_ends_and_begins_leave_out_what_does_not_exist(open_log: Open) -> None:
    topic, absent = fresh(), fresh()
    async with opened(open_log, NewTopic(topic, 2)) as log:
        await write(log, *numbered(topic, 3, partition=1))
        places = [(topic, 0), (topic, 1), (absent, 0)]
        assert await log.ends(places) == {(topic, 0): 0, (topic, 1): 3}
        assert await log.begins(places) == {(topic, 0): 0, (topic, 1): 0}
        assert await log.committed("nobody" + topic) == {}


async def test_creating_a_topic_again_keeps_what_it_holds(open_log: Open) -> None:
    topic = fresh()
    async with opened(open_log, NewTopic(topic, 1)) as log:
        await write(log, *numbered(topic, 2))
        await log.create([NewTopic(topic, 1)])
        assert await log.ends([(topic, 0)]) == {(topic, 0): 2}


async def test_a_large_send_keeps_its_order(open_log: Open) -> None:
    topic = fresh()
    async with opened(open_log, NewTopic(topic, 1)) as log:
        await write(log, *(RecordBatch.one(topic, 0, None, b"%06d" % n + b"x" * 200) for n in range(5000)))
        reader = await log.reader({(topic, 0): 0})
        values = [r.value or b"" for part in await reader.read_to_end() for r in part.records]
        assert [int(value[:6]) for value in values] == list(range(5000))
        await reader.close()


@pytest.mark.parametrize("largest", [LARGEST_RECORD, LARGEST_ENCLOSING])
async def test_kafka_takes_records_up_to_its_topics_limit_and_refuses_larger_ones(broker: str, largest: int) -> None:
    topic = fresh()
    limited = NewTopic(topic, 1, largest=largest)
    async with opened(lambda: KafkaLog(Connection(broker), "test", "suite"), limited) as log:
        await write(log, RecordBatch.one(topic, 0, None, b"x" * largest, (("traceparent", b"x" * 55),)))
        with pytest.raises(RecordTooLarge):
            await write(log, RecordBatch.one(topic, 0, None, b"x" * (largest + OVERHEAD)))
        assert await log.ends([(topic, 0)]) == {(topic, 0): 1}


async def test_two_members_share_a_stream_by_partition_over_all_its_topics(broker: str) -> None:
    events = fresh()
    stream = events.split(".")[1]
    labels = f"test.{stream}.labels"
    async with opened(
        lambda: KafkaLog(Connection(broker), "test", "suite"), NewTopic(events, 4), NewTopic(labels, 4)
    ) as log:
        owners = [Recorded(), Recorded()]
        sources = [await log.source("g" + events, owner) for owner in owners]
        for source in sources:
            await source.subscribe([events, labels])
        async with asyncio.timeout(30):
            while [len(owner.owned) for owner in owners] != [4, 4]:
                await asyncio.gather(*(source.poll(10, 0.1) for source in sources))
        for owner in owners:
            assert {n for topic, n in owner.owned if topic == events} == {
                n for topic, n in owner.owned if topic == labels
            }
        for source in sources:
            await source.close()
