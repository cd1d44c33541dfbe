"""Streams are followed from the first lookup on, on either log, until nobody looks any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime

import pytest

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import Log, Reader, TopicPartition
from penstock.bus.publisher import Publisher
from penstock.bus.topics import stream_topics
from penstock.contracts.batch import Outputs
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.operation_header import OPERATION
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import PREDICTIONS, REJECTED
from penstock.ingestion.answer_cache import AnswerCache
from penstock.ingestion.answer_follower import AnswerFollower

from .conftest import LOANS
from .test_answer_cache import prediction, rejection

NAMESPACE = "watch"
STREAM = StreamDeclared(
    source="t", id="d", time=datetime(2026, 1, 1, tzinfo=UTC), version=1, declaration=parse_declaration(LOANS)
)


@pytest.fixture(params=["memory", "kafka"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    opened: Log = (
        MemoryLog()
        if request.param == "memory"
        else KafkaLog(Connection(request.getfixturevalue("broker")), NAMESPACE, "test")
    )
    await opened.create(stream_topics(NAMESPACE, STREAM))
    yield opened
    await opened.close()


async def _write(log: Log, *numbers: int, stream: StreamDeclared = STREAM) -> None:
    """A prediction for each number and, for odd ones, a rejection of another event, over all partitions."""
    streams = Streams()
    streams.apply(stream)
    publisher = Publisher(log, NAMESPACE, streams)
    keys = [b"key-%d" % number for number in numbers]
    predicted = [prediction(str(number)).value or b"" for number in numbers]
    odd = [number for number in numbers if number % 2]
    refused = [rejection(f"r{number}").value or b"" for number in odd]
    await publisher.publish(
        [
            Outputs(PREDICTIONS, stream.name, predicted, keys, headers={0: ((OPERATION, b"digest"),)}),
            Outputs(REJECTED, stream.name, refused, [b"key-%d" % number for number in odd]),
        ]
    )
    await publisher.close()


async def _eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 (several things are waited for)
            await asyncio.sleep(0.01)


async def test_a_lookup_finds_answers_from_before_it_and_after(log: Log) -> None:
    cache = AnswerCache()
    watch = AnswerFollower(log, NAMESPACE, cache)
    await _write(log, *range(20))
    async with asyncio.timeout(60):
        await watch.follow(STREAM).wait()
    assert all(cache.find("loans", "http", str(number)) for number in range(20))
    assert cache.find("loans", "http", "r7")
    marks = [answer.mark for number in range(20) if (answer := cache.find("loans", "http", str(number)))]
    assert marks == [b"digest"] + 19 * [None]

    await _write(log, 100, 101, 102)
    watch.follow(STREAM)
    await _eventually(lambda: cache.find("loans", "http", "102") and cache.find("loans", "http", "r101"))
    await watch.close()


async def test_a_stream_is_not_followed_while_nobody_looks() -> None:
    log, cache = MemoryLog(), AnswerCache()
    await log.create(stream_topics(NAMESPACE, STREAM))
    watch = AnswerFollower(log, NAMESPACE, cache, idle=-1)
    watch.follow(STREAM)
    assert watch.streams == ["loans"]
    await _eventually(lambda: watch.streams == [])
    await _write(log, 1)
    watch = AnswerFollower(log, NAMESPACE, cache)
    await watch.follow(STREAM).wait()
    assert watch.streams == ["loans"]
    assert cache.find("loans", "http", "1")
    await watch.close()


async def test_topics_that_are_still_being_created_are_waited_for() -> None:
    log, cache = MemoryLog(), AnswerCache()
    watch = AnswerFollower(log, NAMESPACE, cache, pause=0.001)
    caught_up = watch.follow(STREAM)
    await asyncio.sleep(0)
    await log.create(stream_topics(NAMESPACE, STREAM))
    async with asyncio.timeout(20):
        await caught_up.wait()
    await watch.close()


def declared(name: str) -> StreamDeclared:
    declaration = parse_declaration(LOANS.replace('"loans"', f'"{name}"'))
    return StreamDeclared(source="t", id=name, time=STREAM.time, version=1, declaration=declaration)


async def test_all_streams_are_followed_through_one_reader(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    reader = log.reader

    async def count(starts: Mapping[TopicPartition, int | None]) -> Reader:
        opened.append(starts)
        return await reader(starts)

    monkeypatch.setattr(log, "reader", count)
    streams = [declared(f"loans-{number}") for number in range(6)]
    await log.create([topic for stream in streams for topic in stream_topics(NAMESPACE, stream)])
    cache = AnswerCache()
    watch = AnswerFollower(log, NAMESPACE, cache)
    for stream in streams:
        await _write(log, 1, stream=stream)
        async with asyncio.timeout(60):
            await watch.follow(stream).wait()
        assert cache.find(stream.name, "http", "1")
    for stream in streams:
        await _write(log, 2, stream=stream)
    await _eventually(lambda: all(cache.find(stream.name, "http", "2") for stream in streams))
    assert len(opened) == 1
    await watch.close()


async def test_an_idle_stream_is_dropped_and_one_that_somebody_waits_at_is_not() -> None:
    log, cache, busy = MemoryLog(), AnswerCache(), declared("busy")
    await log.create([*stream_topics(NAMESPACE, STREAM), *stream_topics(NAMESPACE, busy)])
    watch = AnswerFollower(log, NAMESPACE, cache, idle=-1)
    with cache.subscriptions.listen("busy", b"key-1") as listener:
        with cache.subscriptions.listen("loans", b"key-1"):
            for stream in (STREAM, busy):
                await watch.follow(stream).wait()
        await _eventually(lambda: watch.streams == ["busy"])
        await _write(log, 1, stream=STREAM)
        await _write(log, 1, stream=busy)
        await _eventually(lambda: not listener.empty())
    assert cache.find("loans", "http", "1") is None
    await _eventually(lambda: watch.streams == [])
    with cache.subscriptions.listen("loans", b"key-1"):
        watch.follow(STREAM)
        await _eventually(lambda: cache.find("loans", "http", "1"))
    await watch.close()


class CountingLog(MemoryLog):
    """Counts how often it was asked in vain."""

    outages = 0

    async def reach(self) -> None:
        self.outages += self.away
        await super().reach()


async def test_a_stream_without_topics_holds_up_no_other_and_an_outage_loses_nothing() -> None:
    log, cache = CountingLog(), AnswerCache()
    await log.create(stream_topics(NAMESPACE, STREAM))
    watch = AnswerFollower(log, NAMESPACE, cache, pause=0.001)
    absent = watch.follow(declared("absent"))
    await watch.follow(STREAM).wait()
    await _write(log, 1)
    await _eventually(lambda: cache.find("loans", "http", "1"))
    outages = log.outages
    log.away = True
    await _eventually(lambda: log.outages > outages)
    log.away = False
    await _write(log, 2)
    await _eventually(lambda: cache.find("loans", "http", "2"))
    assert not absent.is_set()
    await watch.close()
