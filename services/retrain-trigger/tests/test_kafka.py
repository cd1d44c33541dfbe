"""The trigger on a real broker, with Faust."""

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
from penstock.bus.state.unit_state import MemoryStateStores
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
from penstock.retrain_trigger.kafka.faust_consumer import FaustConsumer
from penstock.retrain_trigger.kafka.record_processor import RecordProcessor
from penstock.retrain_trigger.policy_engine import PolicyEngine
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

    async def records_of(self, topic: Topic[Any]) -> list[Any]:
        reader = await self.log.reader({(topic.name(self.namespace), 0): 0})
        try:
            return [record for fetched in await reader.read_to_end() for record in topic.decoder(None)(fetched.records)]
        finally:
            await reader.close()

    async def caught_up(self) -> bool:
        """Whether the group has committed to the ends of all its topics."""
        ends = await self.log.end_offsets([(topic.name(self.namespace), 0) for topic in TOPICS])
        try:
            committed = await self.log.committed(self.group)
        except TransientError:  # a fresh broker has no coordinator yet
            return False
        return all(committed.get(partition, 0) == end for partition, end in ends.items())

    @asynccontextmanager
    async def trigger(
        self, clock: Callable[[], int] = system_clock, processor_type: type[RecordProcessor] = RecordProcessor
    ) -> AsyncIterator[asyncio.Task[None]]:
        """A trigger that runs for the length of the block."""
        log, streams = KafkaLog(self.connection, self.namespace, "trigger"), Streams()
        resources = Resources(
            self.namespace, log, streams, Publisher(log, self.namespace, streams),
            start_telemetry("test", environ={}), clock, MemoryStateStores(), Metrics(),
        )  # fmt: skip
        engine = PolicyEngine(streams)
        followers = [resources.follow(topic, engine.apply) for topic in FOLLOWED]
        all_followers = [resources.follow_streams(), *followers]
        for follower in all_followers:
            await follower.start()
        consumer = FaustConsumer(
            processor_type(self.group, resources, engine, followers),
            lambda: faust_app(self.group, self.connection, self.folder),
        )
        tasks = [asyncio.create_task(follow(follower)) for follower in all_followers]
        running = asyncio.create_task(consumer.run())
        try:
            yield running
        finally:
            for task in (running, *tasks):
                task.cancel()
            with suppress(Exception):
                await asyncio.gather(running, *tasks, return_exceptions=True)
            for follower in all_followers:
                await follower.close()
            await resources.publisher.close()
            await log.close()


async def follow(follower: Any) -> None:
    while True:
        await follower.step(0.1)


async def eventually(condition: Callable[[], Any]) -> Any:
    async with asyncio.timeout(WITHIN):
        while not (result := await condition()):  # noqa: ASYNC110 - the broker signals nothing
            await asyncio.sleep(0.02)
    return result


@pytest.fixture
async def cluster(broker: str, tmp_path: Path) -> AsyncIterator[Cluster]:
    cluster = Cluster(broker, tmp_path)
    await cluster.log.create(control_topics(cluster.namespace))
    yield cluster
    await cluster.publisher.close()
    await cluster.log.close()


async def test_a_request_is_made_committed_and_not_made_again_after_a_restart(cluster: Cluster) -> None:
    await cluster.write(STREAMS, declared(first_after=500))
    async with cluster.trigger():
        await cluster.write(STATISTICS, statistics(500))
        (first,) = await eventually(lambda: cluster.records_of(TRAINING_REQUESTS))
        assert (first.reason, first.until) == ("first", 500)
        await eventually(cluster.caught_up)
    await cluster.write(STATISTICS, statistics(1200))
    async with cluster.trigger():
        await eventually(cluster.caught_up)
        assert await cluster.records_of(TRAINING_REQUESTS) == [first]
        await cluster.write(TRAINING_RUNS, ended(first))
        await eventually(cluster.caught_up)
        assert [request.fence for request in await cluster.records_of(TRAINING_REQUESTS)] == [0, 1]
    decisions = await cluster.records_of(DECISIONS)
    assert [(decision.number, decision.reason) for decision in decisions] == [(0, "first"), (1, "growth")]


async def test_an_unreadable_record_is_kept_as_a_dead_letter(cluster: Cluster) -> None:
    await cluster.write(STREAMS, declared(first_after=500))
    sink = await cluster.log.sink()
    topic = STATISTICS.name(cluster.namespace)
    await (await sink.send([RecordBatch.single(topic, 0, b"k", b"\xff{"), RecordBatch.single(topic, 0, None, None)]))
    await sink.close()
    await cluster.write(STATISTICS, statistics(500))
    async with cluster.trigger():
        await eventually(lambda: cluster.records_of(TRAINING_REQUESTS))
        await eventually(cluster.caught_up)
    dead_letters = [record.data for record in await cluster.records_of(CONTROL_DEAD_LETTERS)]
    assert [(letter.offset, letter.key, letter.value) for letter in dead_letters] == [
        (0, "aw==", "/3s="), (1, None, None),
    ]  # fmt: skip
    assert dead_letters[0].consumer == cluster.group


class FaultyProcessor(RecordProcessor):
    """Fails as a bug would."""

    async def process(self, topic_name: str, raw: RawRecord) -> None:
        raise ArithmeticError(f"{topic_name}/{raw.offset}")


async def test_an_error_ends_the_trigger_and_nothing_is_acknowledged(cluster: Cluster) -> None:
    await cluster.write(STREAMS, declared(first_after=500))
    await cluster.write(STATISTICS, statistics(500))
    before = threading.active_count()
    async with cluster.trigger(processor_type=FaultyProcessor) as running:
        async with asyncio.timeout(WITHIN):
            with pytest.raises(ArithmeticError, match="statistics/0"):
                await running
    assert threading.active_count() <= before, "a thread left behind would keep the process alive"
    assert not await cluster.caught_up()
    async with cluster.trigger():
        await eventually(lambda: cluster.records_of(TRAINING_REQUESTS))


async def test_a_second_member_takes_over_and_goes_on(cluster: Cluster) -> None:
    await cluster.write(STREAMS, declared(first_after=500))
    async with cluster.trigger():
        await cluster.write(STATISTICS, statistics(500))
        (first,) = await eventually(lambda: cluster.records_of(TRAINING_REQUESTS))
        successor = cluster.trigger()
        await successor.__aenter__()
        await cluster.write(STATISTICS, statistics(600))
        await eventually(cluster.caught_up)
    await cluster.write(TRAINING_RUNS, ended(first))
    await cluster.write(STATISTICS, statistics(1200))
    await eventually(cluster.caught_up)
    assert [request.fence for request in await cluster.records_of(TRAINING_REQUESTS)] == [0, 1]
    await successor.__aexit__(None, None, None)


async def test_a_schedule_trains_once_for_each_time_it_fires(cluster: Cluster) -> None:
    await cluster.write(STREAMS, declared(first_after=5000, cron="0 * * * *"))
    await cluster.write(STATISTICS, statistics(500))
    now = [30 * 60_000]
    async with cluster.trigger(clock=lambda: now[0]):
        await eventually(cluster.caught_up)
        now[0] = 61 * 60_000
        (request,) = await eventually(lambda: cluster.records_of(TRAINING_REQUESTS))
    assert (request.reason, request.until, request.time.timestamp()) == ("schedule", 500, 3600)
