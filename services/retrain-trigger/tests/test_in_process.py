"""The trigger in one process, on the memory log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from penstock.bus.publisher import Publisher
from penstock.bus.topics import control_topics
from penstock.contracts.batch import Batch, output
from penstock.contracts.declaration.stream import ServingDeclaration
from penstock.contracts.records.streams import Streams
from penstock.contracts.records.training import TrainingRequest
from penstock.contracts.topics import (
    COMMANDS,
    DECISIONS,
    DRIFT,
    STATISTICS,
    STREAMS,
    TRAINING_REQUESTS,
    TRAINING_RUNS,
    Topic,
)
from penstock.retrain_trigger.handlers import Handlers
from penstock.retrain_trigger.policy_engine import PolicyEngine
from penstock.retrain_trigger.settings import RetrainTriggerSettings
from penstock.retrain_trigger.wiring import build
from penstock.runtime.single_process import SingleProcess

from .conftest import START, command, declared, drift, ended, statistics


class Deployment:
    """One trigger and its log."""

    def __init__(self) -> None:
        self.process = SingleProcess()

    async def start(self) -> None:
        await self.process.start(lambda resources: build(RetrainTriggerSettings(), resources))

    async def write(self, topic: Topic[Any], *records: Any) -> list[TrainingRequest]:
        await self.process.log.create(control_topics("penstock"))
        publisher = Publisher(self.process.log, "penstock", Streams())
        await publisher.publish([output(topic, record, key="power") for record in records])
        await self.process.run_until_quiet()
        return self.records_of(TRAINING_REQUESTS)

    def records_of(self, topic: Topic[Any]) -> list[Any]:
        return topic.decoder(None)(self.process.log.records_of((topic.name("penstock"), 0)))


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


async def test_from_statistics_to_requests(deployment: Deployment) -> None:
    await deployment.start()
    await deployment.write(STREAMS, declared(first_after=500))
    assert await deployment.write(STATISTICS, statistics(400)) == []
    (first,) = await deployment.write(STATISTICS, statistics(500), statistics(600))
    assert (first.reason, first.until, first.cause) == ("first", 600, "s600"), "the newest record"
    assert await deployment.write(STATISTICS, statistics(2000)) == [first], "its run has not ended"
    assert len(await deployment.write(TRAINING_RUNS, ended(first))) == 2


async def test_a_command_and_a_drift(deployment: Deployment) -> None:
    await deployment.start()
    await deployment.write(STREAMS, declared(first_after=500, cooldown=100, settle=0, fresh=0))
    (commanded,) = await deployment.write(COMMANDS, command("c"))
    await deployment.write(TRAINING_RUNS, ended(commanded, "failed"))
    (_, drifted) = await deployment.write(DRIFT, drift(600))
    assert (commanded.reason, drifted.reason, drifted.fence) == ("command", "drift", 1)


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
    assert [request.fence for request in await successor.write(STATISTICS, statistics(1200))] == [0, 1]


async def test_a_decision_is_written_when_it_or_its_reason_changes(deployment: Deployment) -> None:
    await deployment.start()
    await deployment.write(STREAMS, declared())
    for stop in (100, 200, 400):
        await deployment.write(STATISTICS, statistics(stop))
    (first,) = await deployment.write(STATISTICS, statistics(500), statistics(600))
    await deployment.write(DRIFT, drift(700), drift(750))
    await deployment.write(TRAINING_RUNS, ended(first, seconds=2.0))
    for stop in range(800, 1500, 100):
        await deployment.write(STATISTICS, statistics(stop))
    decisions = deployment.records_of(DECISIONS)
    assert [(decision.verdict, decision.reason) for decision in decisions] == [
        ("wait", "too-few"),
        ("retrain", "first"),
        ("wait", "under-way"),
        ("wait", "settling"),
        ("wait", "cooling"),
        ("retrain", "growth"),
    ]
    assert [decision.number for decision in decisions] == list(range(len(decisions)))
    assert (decisions[1].request, decisions[1].expected_cost) == (first.id, None)
    assert decisions[5].expected_cost == 2.0 / 600 * decisions[5].outcomes


async def test_a_successor_does_not_repeat_a_decision(deployment: Deployment) -> None:
    await deployment.start()
    await deployment.write(STREAMS, declared())
    await deployment.write(STATISTICS, statistics(100))
    await deployment.process.close()
    successor = Deployment()
    successor.process.log = deployment.process.log
    await successor.start()
    await successor.write(STATISTICS, statistics(200), statistics(500))
    assert [(decision.number, decision.reason) for decision in successor.records_of(DECISIONS)] == [
        (0, "too-few"),
        (1, "first"),
    ]


def test_a_request_that_was_not_written_is_issued_again_by_the_next_owner() -> None:
    streams = Streams()
    streams.apply(declared(first_after=500))
    engine = PolicyEngine(streams)
    batch = Batch(STATISTICS, None, 0, [statistics(500), statistics(510)], [])
    lost, again = Handlers(engine).handle(batch), Handlers(engine).handle(batch)
    assert [output.topic for output in again] == [DECISIONS, TRAINING_REQUESTS]
    assert [output.records[0].id for output in lost] == [output.records[0].id for output in again]
    for issued in again:
        engine.apply(issued.records[0])
    assert Handlers(engine).handle(batch) == []


async def test_an_external_model_is_never_trained(deployment: Deployment) -> None:
    stream = declared(first_after=20)
    external = stream.declaration.model_copy(update={"serving": ServingDeclaration(model="external")})
    await deployment.start()
    await deployment.write(STREAMS, stream.model_copy(update={"declaration": external}))
    assert await deployment.write(STATISTICS, statistics(500)) == []
    assert await deployment.write(DRIFT, drift(500)) == []
    assert await deployment.write(COMMANDS, command("now")) == []
    assert deployment.records_of(DECISIONS) == []


def test_an_external_model_has_no_schedule() -> None:
    stream = declared(cron="0 * * * *")
    for model, due in (("own", {"power"}), ("external", set())):
        serving = ServingDeclaration.model_validate({"model": model})
        streams = Streams()
        streams.apply(
            stream.model_copy(update={"declaration": stream.declaration.model_copy(update={"serving": serving})})
        )
        engine = PolicyEngine(streams)
        engine.apply(statistics(100))
        assert set(engine.evaluate_schedules(START, START + timedelta(hours=2))) == due
