"""A stream is deleted while another goes on: services leave it, its topics go, and nothing is lost of the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from penstock.artifacts import FileStore
from penstock.bus.ports import RecordBatch
from penstock.bus.topics import stream_topics
from penstock.console.demo.credit_risk import START, CreditRisk
from penstock.console.demo.demo import demo_declaration
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import (
    ALERTS,
    CONTROL_DEAD_LETTERS,
    PREDICTIONS,
    RECEIVED,
    STREAM_DEAD_LETTERS,
    STREAMS,
    Topic,
)
from penstock.drift_detector import wiring as drift_detector
from penstock.drift_detector.settings import DriftDetectorSettings
from penstock.runtime.single_process import SingleProcess
from penstock.server import wiring as server
from penstock.server.settings import StreamSettings
from penstock.validator import wiring as validator
from penstock.validator.settings import ValidatorSettings

KEPT = "kept-loans"
NOW = START + timedelta(days=30)  # no event's time is ahead of it
EVENTS = [row.event for row in CreditRisk(60, None).rows()]


def declared_streams(deployment: InProcessDeployment) -> Streams:
    streams = Streams()
    for record in STREAMS.decoder(None)(deployment.log.records_of((STREAMS.name("penstock"), 0))):
        streams.apply(record)
    return streams


def count(deployment: InProcessDeployment, topic: Topic[Any], stream: str | None = None) -> int:
    name = topic.name("penstock", stream)
    return sum(len(deployment.log.records_of(key)) for key in deployment.log.partitions_of(name))


def write(deployment: InProcessDeployment, stream: str, events: Sequence[bytes]) -> None:
    """Write events to `received`, as a Kafka producer does."""
    topic = RECEIVED.name("penstock", stream)
    deployment.log.append([RecordBatch.single(topic, 0, None, event) for event in events])


async def two_streams(deployment: InProcessDeployment) -> None:
    """Declare another stream beside the one of the deployment, and have events of both answered."""
    declaration = deployment.watch.stream.declaration.model_copy(update={"name": KEPT})
    await deployment.registry.apply(declaration)
    await deployment.send("event", EVENTS[:20], NOW)
    write(deployment, KEPT, EVENTS[:20])
    await deployment.run_pending()
    assert count(deployment, PREDICTIONS, KEPT) == count(deployment, PREDICTIONS, deployment.watch.stream.name) == 20


async def delete(deployment: InProcessDeployment) -> None:
    """Delete the deployment's stream, while something of it waits, and its topics once services have left them."""
    name = deployment.watch.stream.name
    await deployment.registry.delete(name, "moved")
    write(deployment, name, [*EVENTS[20:40], b"no event"])
    await deployment.run_pending()
    assert count(deployment, PREDICTIONS, name) == 20, "it was left at once"
    topics = [topic.name for topic in stream_topics("penstock", deployment.watch.stream)]
    await deployment.log.delete_topics(topics)
    await deployment.registry.complete_deletion(name, topics)
    await deployment.run_pending()
    assert not await deployment.log.existing(topics)


async def test_the_other_stream_goes_on_and_nothing_becomes_a_dead_letter() -> None:
    async with in_process_deployment(demo_declaration()) as deployment:
        await two_streams(deployment)
        await delete(deployment)
        write(deployment, KEPT, EVENTS[20:])
        await deployment.run_pending()
        assert count(deployment, PREDICTIONS, KEPT) == 60
        assert count(deployment, STREAM_DEAD_LETTERS, KEPT) == count(deployment, CONTROL_DEAD_LETTERS) == 0
        assert count(deployment, ALERTS) == 0


async def test_its_events_are_refused() -> None:
    async with in_process_deployment(demo_declaration()) as deployment:
        await two_streams(deployment)
        await deployment.registry.delete(deployment.watch.stream.name, "moved")
        await deployment.run_pending()
        refused = await deployment.send("event", EVENTS[40:42], NOW)
        assert [refusal.reason.code for refusal in refused] == ["unknown_stream"] * 2


async def test_services_that_start_anew_go_on_with_the_other_alone(tmp_path: Path) -> None:
    async with in_process_deployment(demo_declaration()) as deployment:
        await two_streams(deployment)
        await delete(deployment)
        write(deployment, KEPT, EVENTS[20:40])
        process = SingleProcess()
        process.log = deployment.log
        process.clock.advance_to(int(NOW.timestamp() * 1000))
        models, store = deployment.models, FileStore(tmp_path)
        await process.start(lambda resources: validator.build(ValidatorSettings(), resources))
        scorer = await process.start(lambda resources: server.build_stream(StreamSettings(), resources, models))
        await process.start(lambda resources: drift_detector.build(DriftDetectorSettings(), resources, store))
        for _ in range(2):  # the old and the new share the units: what one validates the other may score
            await process.run_until_quiet()
            await deployment.run_pending()
        assert count(deployment, PREDICTIONS, KEPT) == 40
        assert deployment.watch.stream.name not in scorer.health()["epochs"]
        assert count(deployment, CONTROL_DEAD_LETTERS) == count(deployment, ALERTS) == 0
        assert declared_streams(deployment).names() == [KEPT]
