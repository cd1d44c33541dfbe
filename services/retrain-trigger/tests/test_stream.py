"""The trigger on a real broker: Faust as it is used here."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from penstock.bus.errors import TransientError
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.memory.log import system_clock
from penstock.bus.ports import RecordBatch
from penstock.bus.publisher import Publisher
from penstock.bus.state.state import MemoryStateStores
from penstock.bus.topics import control_topics
from penstock.contracts.batch import RawRecord, output
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import (
    CONTROL_DEAD_LETTERS,
    DECISIONS,
    STATISTICS,
    STREAMS,
    TRAINING_REQUESTS,
    TRAINING_RUNS,
    Topic,
)
from penstock.retrain_trigger.handlers import FOLLOWED, TOPICS
from penstock.retrain_trigger.kafka.faust_app import faust_app
from penstock.retrain_trigger.kafka.faust_stream import Stream
from penstock.retrain_trigger.record_intake import Intake
from penstock.retrain_trigger.stream_policies import Desk
from penstock.runtime.service import Resources
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import start_telemetry

from .conftest import declared, ended, statistics

WITHIN = 60  # seconds


class Cluster:
    """One namespace on the broker, and a group of its own."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        name = uuid.uuid4().hex[:8]
        self.namespace, self.group, self.folder = f"t{name}", f"retrain-trigger-{name}", folder
        self.connection = Connection(bootstrap)
        self.log = KafkaLog(self.connection, self.namespace, "test")
        self.publisher = Publisher(self.log, self.namespace, Streams())

    async def write(self, topic: Topic[Any], *records: Any) -> None:
        await self.publisher.publish([output(topic, record, key="power") for record in records])

    async def held(self, topic: Topic[Any]) -> list[Any]:
        reader = await self.log.reader({(topic.name(self.namespace), 0): 0})
        try:
            return [record for fetched in await reader.read_to_end() for record in topic.decoder(None)(fetched.records)]
        finally:
            await reader.close()

    async def caught_up(self) -> bool:
        """Whether the group has committed to the ends of all its topics."""
        ends = await self.log.ends([(topic.name(self.namespace), 0) for topic in TOPICS])
        try:
            committed = await self.log.committed(self.group)
        except TransientError:  # a fresh broker has no coordinator yet
            return False
        return all(committed.get(place, 0) == end for place, end in ends.items())

    @asynccontextmanager
    async def trigger(
        self, clock: Callable[[], int] = system_clock, intake_type: type[Intake] = Intake
    ) -> AsyncIterator[asyncio.Task[None]]:
        """A trigger that runs for the length of the block."""
        log, streams = KafkaLog(self.connection, self.namespace, "trigger"), Streams()
        resources = Resources(
            self.namespace, log, streams, Publisher(log, self.namespace, streams),
            start_telemetry("test", environ={}), clock, MemoryStateStores(), Metrics(),
        )  # fmt: skip
        desk = Desk(streams)
        followers = [resources.follow(topic, desk.apply) for topic in FOLLOWED]
        everything = [resources.follow_streams(), *followers]
        for follower in everything:
            await follower.start()
        stream = Stream(
            intake_type(self.group, resources, desk, followers),
            lambda: faust_app(self.group, self.connection, self.folder),
        )
        tasks = [asyncio.create_task(follow(follower)) for follower in everything]
        running = asyncio.create_task(stream.run())
        try:
            yield running
        finally:
            for task in (running, *tasks):
                task.cancel()
            with suppress(Exception):
                await asyncio.gather(running, *tasks, return_exceptions=True)
            for follower in everything:
                await follower.close()
            await resources.publisher.close()
            await log.close()


async def follow(follower: Any) -> None:
    while True:
        await follower.step(0.1)


async def eventually(look: Callable[[], Any]) -> Any:
    async with asyncio.timeout(WITHIN):
        while not (found := await look()):  # noqa: ASYNC110 - the broker tells nobody
            await asyncio.sleep(0.02)
    return found


@pytest.fixture
async def cluster(broker: str, tmp_path: Path) -> AsyncIterator[Cluster]:
    made = Cluster(broker, tmp_path)
    await made.log.create(control_topics(made.namespace))
    yield made
    await made.publisher.close()
    await made.log.close()


async def test_a_request_is_made_committed_and_not_made_again_after_a_restart(cluster: Cluster) -> None:
    await cluster.write(STREAMS, declared(first_after=500))
    async with cluster.trigger():
        await cluster.write(STATISTICS, statistics(500))
        (first,) = await eventually(lambda: cluster.held(TRAINING_REQUESTS))
        assert (first.reason, first.until) == ("first", 500)
        await eventually(cluster.caught_up)
    await cluster.write(STATISTICS, statistics(1200))
    async with cluster.trigger():
        await eventually(cluster.caught_up)
        assert await cluster.held(TRAINING_REQUESTS) == [first]
        await cluster.write(TRAINING_RUNS, ended(first))
        await eventually(cluster.caught_up)
        assert [request.fence for request in await cluster.held(TRAINING_REQUESTS)] == [0, 1]
    told = await cluster.held(DECISIONS)
    assert [(decision.number, decision.reason) for decision in told] == [(0, "first"), (1, "growth")]


async def test_what_nobody_can_read_is_kept_as_a_dead_letter(cluster: Cluster) -> None:
    await cluster.write(STREAMS, declared(first_after=500))
    sink = await cluster.log.sink()
    topic = STATISTICS.name(cluster.namespace)
    await (await sink.send([RecordBatch.one(topic, 0, b"k", b"\xff{"), RecordBatch.one(topic, 0, None, None)]))
    await sink.close()
    await cluster.write(STATISTICS, statistics(500))
    async with cluster.trigger():
        await eventually(lambda: cluster.held(TRAINING_REQUESTS))
        await eventually(cluster.caught_up)
    letters = await cluster.held(CONTROL_DEAD_LETTERS)
    assert [(letter.data.offset, letter.data.key, letter.data.value) for letter in letters] == [
        (0, "aw==", "/3s="), (1, None, None),
    ]  # fmt: skip
    assert letters[0].data.consumer == cluster.group


class Faulty(Intake):
    """Fails as a bug would."""

    async def take(self, name: str, raw: RawRecord) -> None:
        raise ArithmeticError(f"{name}/{raw.offset}")


async def test_a_fault_ends_the_trigger_and_nothing_is_acknowledged(cluster: Cluster) -> None:
    await cluster.write(STREAMS, declared(first_after=500))
    await cluster.write(STATISTICS, statistics(500))
    before = threading.active_count()
    async with cluster.trigger(intake_type=Faulty) as running:
        async with asyncio.timeout(WITHIN):
            with pytest.raises(ArithmeticError, match="statistics/0"):
                await running
    assert threading.active_count() <= before, "a thread left behind would keep the process alive"
    assert not await cluster.caught_up()
    async with cluster.trigger():
        await eventually(lambda: cluster.held(TRAINING_REQUESTS))


async def test_a_second_member_takes_over_and_goes_on(cluster: Cluster) -> None:
    await cluster.write(STREAMS, declared(first_after=500))
    async with cluster.trigger():
        await cluster.write(STATISTICS, statistics(500))
        (first,) = await eventually(lambda: cluster.held(TRAINING_REQUESTS))
        successor = cluster.trigger()
        await successor.__aenter__()
        await cluster.write(STATISTICS, statistics(600))
        await eventually(cluster.caught_up)
    await cluster.write(TRAINING_RUNS, ended(first))
    await cluster.write(STATISTICS, statistics(1200))
    await eventually(cluster.caught_up)
    assert [request.fence for request in await cluster.held(TRAINING_REQUESTS)] == [0, 1]
    await successor.__aexit__(None, None, None)


async def test_the_calendar_trains_once_for_each_time_it_fires(cluster: Cluster) -> None:
    await cluster.write(STREAMS, declared(first_after=5000, cron="0 * * * *"))
    await cluster.write(STATISTICS, statistics(500))
    now = [30 * 60_000]
    async with cluster.trigger(clock=lambda: now[0]):
        await eventually(cluster.caught_up)
        now[0] = 61 * 60_000
        (request,) = await eventually(lambda: cluster.held(TRAINING_REQUESTS))
    assert (request.reason, request.until, request.time.timestamp()) == ("schedule", 500, 3600)
