"""The trigger on the memory bus."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.bus.publishing import Publisher
from penstock.bus.topics import control_topics
from penstock.contracts.batch import Batch, output
from penstock.contracts.streams import Streams
from penstock.contracts.topics import COMMANDS, DRIFT, STATISTICS, STREAMS, TRAINING_REQUESTS, TRAINING_RUNS, Topic
from penstock.contracts.training import TrainingRequest
from penstock.retrain_trigger.desk import Desk
from penstock.retrain_trigger.handlers import Handlers
from penstock.retrain_trigger.settings import RetrainTriggerSettings
from penstock.retrain_trigger.wiring import build
from penstock.runtime.in_one_process import OneProcess

from .conftest import command, declared, drift, ended, statistics


class Deployment:
    """One trigger and its log."""

    def __init__(self) -> None:
        self.process = OneProcess()

    async def start(self) -> None:
        await self.process.start(lambda resources: build(RetrainTriggerSettings(), resources))

    async def write(self, topic: Topic[Any], *records: Any) -> list[TrainingRequest]:
        await self.process.log.create(control_topics("penstock"))
        publisher = Publisher(self.process.log, "penstock", Streams())
        await publisher.publish([output(topic, record, key="power") for record in records])
        await self.process.settle()
        return list(TRAINING_REQUESTS.decoder(None)(self.process.log.held((TRAINING_REQUESTS.name("penstock"), 0))))


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


async def test_from_statistics_to_requests(deployment: Deployment) -> None:
    await deployment.start()
    await deployment.write(STREAMS, declared(first_after=500))
    assert await deployment.write(STATISTICS, statistics(400)) == []
    (first,) = await deployment.write(STATISTICS, statistics(500), statistics(600))
    assert (first.reason, first.until, first.cause) == ("first", 600, "s600"), "the newest that is known"
    assert await deployment.write(STATISTICS, statistics(2000)) == [first], "its run has not ended"
    assert len(await deployment.write(TRAINING_RUNS, ended(first))) == 2


async def test_a_command_and_a_drift(deployment: Deployment) -> None:
    await deployment.start()
    await deployment.write(STREAMS, declared(first_after=500, cooldown=100, settle=0))
    (asked,) = await deployment.write(COMMANDS, command("c"))
    await deployment.write(TRAINING_RUNS, ended(asked, "failed"))
    (_, drifted) = await deployment.write(DRIFT, drift(600))
    assert (asked.reason, drifted.reason, drifted.fence) == ("command", "drift", 1)


async def test_a_stream_nobody_declared_is_not_trained(deployment: Deployment) -> None:
    await deployment.start()
    assert await deployment.write(STATISTICS, statistics(5000)) == []


async def test_a_successor_goes_on_from_the_log(deployment: Deployment) -> None:
    await deployment.start()
    await deployment.write(STREAMS, declared(first_after=500))
    (first,) = await deployment.write(STATISTICS, statistics(500))
    await deployment.process.close()
    successor = Deployment()
    successor.process.log = deployment.process.log
    await successor.start()
    assert await successor.write(STATISTICS, statistics(510)) == [first]
    assert [request.fence for request in await successor.write(TRAINING_RUNS, ended(first), ended(first))] == [0]
    assert [request.fence for request in await successor.write(STATISTICS, statistics(1000))] == [0, 1]


def test_a_request_that_was_not_written_is_issued_again_by_the_next_owner() -> None:
    streams = Streams()
    streams.apply(declared(first_after=500))
    desk = Desk(streams)
    batch = Batch(STATISTICS, None, 0, [statistics(500), statistics(510)], [])
    (lost,) = Handlers(desk).handle(batch)
    (again,) = Handlers(desk).handle(batch)
    assert [record.id for record in lost.records] == [record.id for record in again.records]
    desk.apply(again.records[0])
    assert Handlers(desk).handle(batch) == []
