"""Streams are followed from the first lookup on, on either log, until nobody looks any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import Log
from penstock.bus.publisher import Publisher
from penstock.bus.topics import stream_topics
from penstock.contracts.batch import Outputs
from penstock.contracts.declaration.stream_file import parse_declaration
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


async def _write(log: Log, *numbers: int) -> None:
    """A prediction for each number and, for odd ones, a rejection of another event, over all partitions."""
    streams = Streams()
    streams.apply(STREAM)
    publisher = Publisher(log, NAMESPACE, streams)
    keys = [b"key-%d" % number for number in numbers]
    predicted = [prediction(str(number)).value or b"" for number in numbers]
    odd = [number for number in numbers if number % 2]
    refused = [rejection(f"r{number}").value or b"" for number in odd]
    await publisher.publish(
        [
            Outputs(PREDICTIONS, "loans", predicted, keys),
            Outputs(REJECTED, "loans", refused, [b"key-%d" % number for number in odd]),
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
