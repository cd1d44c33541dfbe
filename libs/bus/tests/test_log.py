"""One behaviour suite for every log: the memory log behaves as Kafka does."""

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
    MAX_ENCLOSING_RECORD_BYTES,
    MAX_RECORD_BYTES,
    FetchedBatch,
    Log,
    NewTopic,
    RecordBatch,
    Source,
    TopicPartition,
)

OpenLog = Callable[[], Log]


@pytest.fixture(params=["memory", "kafka"])
def open_log(request: pytest.FixtureRequest) -> OpenLog:
    if request.param == "memory":
        return MemoryLog
    bootstrap: str = request.getfixturevalue("broker")
    return lambda: KafkaLog(Connection(bootstrap), "test", "suite")


class RecordingListener:
    """A rebalance listener that records what is assigned."""

    def __init__(self, starts: Mapping[TopicPartition, int] | None = None) -> None:
        self.starts = dict(starts or {})
        self.assigned: set[TopicPartition] = set()

    async def on_assigned(self, topic_partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        self.assigned |= set(topic_partitions)
        return {key: self.starts[key] for key in topic_partitions if key in self.starts}

    async def on_revoked(self, topic_partitions: Collection[TopicPartition]) -> None:
        self.assigned -= set(topic_partitions)


def unique_topic() -> str:
    return f"test.s{uuid.uuid4().hex[:8]}.events"


@asynccontextmanager
async def open_with_topics(open_log: OpenLog, *topics: NewTopic) -> AsyncIterator[Log]:
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


async def poll_until(
    poll: Callable[[], Awaitable[list[FetchedBatch]]], count: int
) -> list[tuple[str, int, int, bytes | None]]:
    rows: list[tuple[str, int, int, bytes | None]] = []
    async with asyncio.timeout(30):
        while len(rows) < count:
            rows += [(f.topic, f.partition, r.offset, r.value) for f in await poll() for r in f.records]
    return rows


async def poll_values(source: Source, count: int) -> list[bytes | None]:
    return [value for *_, value in await poll_until(lambda: source.poll(500, 0.1), count)]


def numbered(topic: str, count: int, partition: int = 0) -> list[RecordBatch]:
    return [RecordBatch.single(topic, partition, b"k", b"%d" % number) for number in range(count)]


async def test_a_group_reads_what_was_written_in_order_and_with_its_headers(open_log: OpenLog) -> None:
    topic = unique_topic()
    async with open_with_topics(open_log, NewTopic(topic, 1)) as log:
        await write(log, RecordBatch.single(topic, 0, b"key", b"value", (("traceparent", b"00"),)), *numbered(topic, 3))
        source = await log.source("g" + topic, RecordingListener())
        await source.subscribe([topic])
        fetched: list[FetchedBatch] = []
        while sum(len(batch.records) for batch in fetched) < 4:
            fetched += await source.poll(500, 0.1)
        records = [record for batch in fetched for record in batch.records]
        assert (records[0].key, records[0].value) == (b"key", b"value")
        assert list(records[0].headers) == [("traceparent", b"00")]
        assert [record.value for record in records[1:]] == [b"0", b"1", b"2"]
        assert [record.offset for record in records] == [0, 1, 2, 3]
        assert all(record.timestamp > 0 for record in records)
        await source.close()


async def test_a_member_continues_at_the_committed_position(open_log: OpenLog) -> None:
    topic = unique_topic()
    group = "g" + topic
    async with open_with_topics(open_log, NewTopic(topic, 1)) as log:
        await write(log, *numbered(topic, 10))
        first = await log.source(group, RecordingListener())
        await first.subscribe([topic])
        await poll_values(first, 10)
        await first.commit({(topic, 0): 7})
        await first.close()
        assert (await log.committed(group))[topic, 0] == 7
        second = await log.source(group, RecordingListener())
        await second.subscribe([topic])
        assert await poll_values(second, 3) == [b"7", b"8", b"9"]
        await second.close()


async def test_a_listeners_positions_count_more_than_the_commits(open_log: OpenLog) -> None:
    topic = unique_topic()
    async with open_with_topics(open_log, NewTopic(topic, 1)) as log:
        await write(log, *numbered(topic, 5))
        source = await log.source("g" + topic, RecordingListener({(topic, 0): 3}))
        await source.subscribe([topic])
        assert await poll_values(source, 2) == [b"3", b"4"]
        await source.close()


async def test_a_subscription_grows_to_new_topics(open_log: OpenLog) -> None:
    old, new = unique_topic(), unique_topic()
    async with open_with_topics(open_log, NewTopic(old, 1)) as log:
        listener = RecordingListener()
        source = await log.source("g" + old, listener)
        await source.subscribe([old])
        await write(log, *numbered(old, 1))
        assert await poll_values(source, 1) == [b"0"]
        await source.commit({(old, 0): 1})
        await log.create([NewTopic(new, 2)])
        await source.subscribe([old, new])
        await write(log, *numbered(new, 1, partition=1))
        assert await poll_values(source, 1) == [b"0"]
        assert listener.assigned == {(old, 0), (new, 0), (new, 1)}
        await source.close()


async def test_a_member_without_topics_polls_nothing_and_may_subscribe_later(open_log: OpenLog) -> None:
    topic = unique_topic()
    async with open_with_topics(open_log, NewTopic(topic, 1)) as log, asyncio.timeout(30):
        source = await log.source("g" + topic, RecordingListener())
        await source.subscribe([])
        assert await source.poll(10, 0.01) == []
        await write(log, *numbered(topic, 1))
        await source.subscribe([topic])
        assert await poll_values(source, 1) == [b"0"]
        await source.close()


async def test_a_reader_reads_from_an_offset_to_the_end_and_on(open_log: OpenLog) -> None:
    topic = unique_topic()
    async with open_with_topics(open_log, NewTopic(topic, 1)) as log:
        await write(log, *numbered(topic, 5))
        reader = await log.reader({(topic, 0): 2})
        assert [r.value for batch in await reader.read_to_end() for r in batch.records] == [b"2", b"3", b"4"]
        assert await reader.read_to_end() == []
        assert not await reader.is_behind(await log.end_offsets([(topic, 0)]))
        late = await log.reader({(topic, 0): None})
        await write(log, RecordBatch.single(topic, 0, None, b"new"))
        assert [value for *_, value in await poll_until(lambda: late.poll(0.1), 1)] == [b"new"]
        await reader.close()
        await late.close()


async def test_a_reader_is_behind_until_it_has_read_what_was_there(open_log: OpenLog) -> None:
    topic = unique_topic()
    async with open_with_topics(open_log, NewTopic(topic, 2)) as log:
        await write(log, *numbered(topic, 5), *numbered(topic, 3, partition=1))
        reader = await log.reader({(topic, 0): 2, (topic, 1): 0})
        ends = await log.end_offsets([(topic, 0), (topic, 1)])
        values = []
        async with asyncio.timeout(30):
            while await reader.is_behind(ends):
                values += [record.value for batch in await reader.poll(0.1) for record in batch.records]
        assert sorted(values) == [b"0", b"1", b"2", b"2", b"3", b"4"]
        assert not await reader.is_behind({})
        await reader.close()


async def test_a_reader_takes_topic_partitions_on_and_gives_them_up_without_a_loss_or_repetition(
    open_log: OpenLog,
) -> None:
    topic, other = unique_topic(), unique_topic()
    async with open_with_topics(open_log, NewTopic(topic, 2), NewTopic(other, 1)) as log:
        await write(log, *numbered(topic, 5), *numbered(other, 3))
        reader = await log.reader({})

        async def read(count: int) -> list[tuple[str, bytes]]:
            return sorted((name, value or b"") for name, *_, value in await poll_until(lambda: reader.poll(0.1), count))

        await reader.add({(topic, 0): 2})
        assert await read(3) == [(topic, b"2"), (topic, b"3"), (topic, b"4")]
        await write(log, RecordBatch.single(topic, 0, None, b"5"))
        await reader.add({(other, 0): 1, (topic, 1): 0})
        assert await read(3) == sorted([(topic, b"5"), (other, b"1"), (other, b"2")])
        await reader.remove([(topic, 0)])
        await write(log, RecordBatch.single(topic, 0, None, b"6"), RecordBatch.single(topic, 1, None, b"of 1"))
        await write(log, RecordBatch.single(other, 0, None, b"3"))
        assert await read(2) == sorted([(topic, b"of 1"), (other, b"3")])
        await reader.add({(topic, 0): 6})
        assert await read(1) == [(topic, b"6")]
        await reader.close()


async def test_offsets_leave_out_topic_partitions_that_do_not_exist(open_log: OpenLog) -> None:
    topic, absent = unique_topic(), unique_topic()
    async with open_with_topics(open_log, NewTopic(topic, 2)) as log:
        await write(log, *numbered(topic, 3, partition=1))
        topic_partitions = [(topic, 0), (topic, 1), (absent, 0)]
        assert await log.end_offsets(topic_partitions) == {(topic, 0): 0, (topic, 1): 3}
        assert await log.beginning_offsets(topic_partitions) == {(topic, 0): 0, (topic, 1): 0}
        assert await log.committed("nobody" + topic) == {}


async def test_one_broker_keeps_one_copy_of_what_it_confirms(open_log: OpenLog) -> None:
    topic, absent = unique_topic(), unique_topic()
    async with open_with_topics(open_log, NewTopic(topic, 2)) as log:
        assert await log.acknowledged_copies([topic, absent]) == {topic: 1}


async def test_creating_a_topic_again_keeps_its_records(open_log: OpenLog) -> None:
    topic = unique_topic()
    async with open_with_topics(open_log, NewTopic(topic, 1)) as log:
        await write(log, *numbered(topic, 2))
        await log.create([NewTopic(topic, 1)])
        assert await log.end_offsets([(topic, 0)]) == {(topic, 0): 2}


async def test_a_large_send_keeps_its_order(open_log: OpenLog) -> None:
    topic = unique_topic()
    async with open_with_topics(open_log, NewTopic(topic, 1)) as log:
        await write(log, *(RecordBatch.single(topic, 0, None, b"%06d" % n + b"x" * 200) for n in range(5000)))
        reader = await log.reader({(topic, 0): 0})
        values = [r.value or b"" for batch in await reader.read_to_end() for r in batch.records]
        assert [int(value[:6]) for value in values] == list(range(5000))
        await reader.close()


@pytest.mark.parametrize("max_bytes", [MAX_RECORD_BYTES, MAX_ENCLOSING_RECORD_BYTES])
async def test_kafka_takes_records_up_to_its_topics_limit_and_refuses_larger_ones(broker: str, max_bytes: int) -> None:
    topic = unique_topic()
    limited = NewTopic(topic, 1, max_record_bytes=max_bytes)
    async with open_with_topics(lambda: KafkaLog(Connection(broker), "test", "suite"), limited) as log:
        await write(log, RecordBatch.single(topic, 0, None, b"x" * max_bytes, (("traceparent", b"x" * 55),)))
        with pytest.raises(RecordTooLarge):
            await write(log, RecordBatch.single(topic, 0, None, b"x" * (max_bytes + OVERHEAD)))
        assert await log.end_offsets([(topic, 0)]) == {(topic, 0): 1}


async def test_two_members_share_a_stream_by_partition_over_all_its_topics(broker: str) -> None:
    events = unique_topic()
    stream = events.split(".")[1]
    labels = f"test.{stream}.labels"
    async with open_with_topics(
        lambda: KafkaLog(Connection(broker), "test", "suite"), NewTopic(events, 4), NewTopic(labels, 4)
    ) as log:
        listeners = [RecordingListener(), RecordingListener()]
        sources = [await log.source("g" + events, listener) for listener in listeners]
        for source in sources:
            await source.subscribe([events, labels])
        async with asyncio.timeout(30):
            while [len(listener.assigned) for listener in listeners] != [4, 4]:
                await asyncio.gather(*(source.poll(10, 0.1) for source in sources))
        for listener in listeners:
            assert {n for topic, n in listener.assigned if topic == events} == {
                n for topic, n in listener.assigned if topic == labels
            }
        for source in sources:
            await source.close()


async def test_a_paused_topic_partition_is_not_fetched_until_resumed_and_a_seek_drops_what_was(
    open_log: OpenLog,
) -> None:
    topic = unique_topic()
    async with open_with_topics(open_log, NewTopic(topic, 2)) as log:
        source = await log.source(unique_topic(), RecordingListener())
        await source.subscribe([topic])
        for value in (b"0", b"1"):
            await write(log, *(RecordBatch.single(topic, number, None, value) for number in (0, 1)))
        await poll_until(lambda: source.poll(1, 1), 1)
        source.seek({(topic, 0): 1, (topic, 1): 1})
        assert sorted(await poll_until(lambda: source.poll(10, 1), 2)) == [(topic, 0, 1, b"1"), (topic, 1, 1, b"1")]
        source.pause([(topic, 0)])
        await write(log, *(RecordBatch.single(topic, number, None, b"2") for number in (0, 1)))
        assert await poll_until(lambda: source.poll(10, 1), 1) == [(topic, 1, 2, b"2")]
        assert await source.poll(10, 0.3) == []
        source.resume([(topic, 0)])
        assert await poll_until(lambda: source.poll(10, 1), 1) == [(topic, 0, 2, b"2")]
        await source.close()


async def test_the_first_record_at_or_after_a_time_is_found_and_the_end_where_all_are_older(open_log: OpenLog) -> None:
    topic = unique_topic()
    async with open_with_topics(open_log, NewTopic(topic, 2)) as log:
        for _ in range(2):
            await write(log, RecordBatch(topic, 0, [None] * 3, [b"x"] * 3))
            await asyncio.sleep(0.002)  # times are in milliseconds
        reader = await log.reader({(topic, 0): 0})
        times = {record.offset: record.timestamp for batch in await reader.read_to_end() for record in batch.records}
        await reader.close()
        for time in (times[0], times[3], times[3] + 1):
            expected = min((offset for offset, at in times.items() if at >= time), default=6)
            found = await log.offsets_at({(topic, 0): time, (topic, 1): 0, (topic, 9): 0})
            assert found == {(topic, 0): expected, (topic, 1): 0}


async def test_retention_and_the_bytes_that_are_kept_are_those_of_the_topic(open_log: OpenLog) -> None:
    limited, endless = unique_topic(), unique_topic()
    async with open_with_topics(open_log, NewTopic(limited, 2, 60_000, 1 << 20), NewTopic(endless, 1)) as log:
        await write(log, RecordBatch(limited, 1, [None] * 10, [b"%010d" % number * 100 for number in range(10)]))
        retention = await log.retention([limited, endless])
    assert (retention[limited].milliseconds, retention[limited].bytes) == (60_000, 1 << 20)
    assert (retention[endless].milliseconds, retention[endless].bytes) == (None, None)
    assert retention[limited].sizes[0] == 0
    assert 10_000 <= retention[limited].sizes[1] < 11_000


async def test_commits_are_given_of_the_topic_partitions_that_are_asked_for(open_log: OpenLog) -> None:
    topic, group = unique_topic(), f"g{uuid.uuid4().hex[:8]}"
    async with open_with_topics(open_log, NewTopic(topic, 3)) as log:
        assert await log.committed(group, [(topic, 0)]) == {}
        source = await log.source(group, RecordingListener())
        await source.subscribe([topic])
        await write(log, *(RecordBatch(topic, number, [None], [b"x"]) for number in range(3)))
        await poll_until(lambda: source.poll(10, 0.1), 3)
        await source.commit({(topic, 0): 1, (topic, 1): 1})
        assert await log.committed(group) == {(topic, 0): 1, (topic, 1): 1}
        assert await log.committed(group, [(topic, 1), (topic, 2)]) == {(topic, 1): 1}
        assert await log.group_members(group) == {group: 1}
        await source.close()
        assert await log.group_members(group) == {group: 0}
        assert await log.group_members("nobody" + group) == {}


async def test_topics_are_deleted_with_their_records_and_a_repeat_is_no_failure(open_log: OpenLog) -> None:
    gone, kept = unique_topic(), unique_topic()
    async with open_with_topics(open_log, NewTopic(gone, 3), NewTopic(kept, 1)) as log:
        await write(log, RecordBatch.single(gone, 1, None, b"x"), RecordBatch.single(kept, 0, None, b"x"))
        for _ in range(2):
            await log.delete_topics([gone])
            assert await log.existing([gone, kept]) == {kept}
        assert await log.end_offsets([(kept, 0)]) == {(kept, 0): 1}


@pytest.mark.parametrize("name", ["test.models", "test.dead-letters", "test.loans.models", "other"])
async def test_no_other_topics_than_those_of_streams_are_deleted(name: str) -> None:
    log = MemoryLog()
    await log.create([NewTopic(name, 1)])
    with pytest.raises(ValueError, match="only a stream's own topics"):
        await log.delete_topics([unique_topic(), name])
    assert await log.existing([name]) == {name}
