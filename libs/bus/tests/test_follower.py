"""Followers: every record of a control topic is applied once, from its start and in order, on every log."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.follower import TopicFollower
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.memory.interrupted_log import InterruptedLog
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import Log, RecordBatch
from penstock.bus.topics import control_topics
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import STREAMS

EXAMPLE = Path(__file__).parents[2] / "contracts/examples/penstock.stream-declared.v1.json"
DECLARED = StreamDeclared.from_json(EXAMPLE.read_bytes())


class FollowedLog:
    """A log with a namespace of its own, and the versions that a follower applied."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.namespace = f"n{uuid.uuid4().hex[:8]}"
        self.versions: list[int] = []

    def follower(self) -> TopicFollower[StreamDeclared]:
        return TopicFollower(self.log, self.namespace, STREAMS, lambda record: self.versions.append(record.version))

    async def write(self, *versions: int | bytes) -> None:
        sink = await self.log.sink()
        name = STREAMS.name(self.namespace)
        values = [
            item if isinstance(item, bytes) else DECLARED.model_copy(update={"version": item}).to_json()
            for item in versions
        ]
        await (await sink.send([RecordBatch.single(name, 0, None, value) for value in values]))
        await sink.close()


@pytest.fixture(params=["memory", "kafka"])
def open_followed_log(request: pytest.FixtureRequest) -> Any:
    bootstrap = request.getfixturevalue("broker") if request.param == "kafka" else None

    @asynccontextmanager
    async def open_log() -> AsyncIterator[FollowedLog]:
        log: Log = KafkaLog(Connection(bootstrap), "n", "t") if bootstrap else MemoryLog()
        followed = FollowedLog(log)
        await log.create(control_topics(followed.namespace))
        yield followed
        await log.close()

    return open_log


async def follow_to(follower: TopicFollower[Any], position: int) -> None:
    async with asyncio.timeout(30):
        while follower.position < position:
            await follower.step(0.1)


async def test_it_applies_from_the_first_record_and_then_keeps_up(open_followed_log: Any) -> None:
    async with open_followed_log() as followed:
        await followed.write(1, 2)
        follower = followed.follower()
        await follower.start()
        assert followed.versions == [1, 2]
        await followed.write(3)
        await follow_to(follower, 3)
        assert followed.versions == [1, 2, 3]
        assert await follower.step(0) == 0
        await follower.close()


async def test_it_continues_where_it_stopped_and_applies_nothing_twice(open_followed_log: Any) -> None:
    async with open_followed_log() as followed:
        await followed.write(1, 2)
        follower = followed.follower()
        await follower.start()
        await follower.close()
        await followed.write(3)
        await follow_to(follower, 3)
        await follower.start()
        assert followed.versions == [1, 2, 3]
        await follower.close()
        await follower.close()


async def test_it_skips_unreadable_records(open_followed_log: Any) -> None:
    async with open_followed_log() as followed:
        await followed.write(1, b"\xff", 2, b"{}")
        follower = followed.follower()
        await follower.start()
        assert followed.versions == [1, 2]
        assert follower.position == 4
        await follower.close()


async def test_an_empty_topic_is_read_to_its_end(open_followed_log: Any) -> None:
    async with open_followed_log() as followed:
        follower = followed.follower()
        await follower.start()
        assert (followed.versions, follower.position) == ([], 0)
        await follower.close()


async def test_what_is_read_at_the_start_is_applied_as_it_comes_and_only_once() -> None:
    followed = FollowedLog(InterruptedLog(polls=2, records=3))
    await followed.log.create(control_topics(followed.namespace))
    await followed.write(*range(1, 11))
    follower = followed.follower()
    with pytest.raises(BrokerUnavailable):
        await follower.start()
    assert followed.versions == list(range(1, 7))
    await follower.start()
    assert followed.versions == list(range(1, 11))
    await follower.close()
