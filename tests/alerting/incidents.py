"""The incidents: each is staged until the alerts that it should lead to were delivered."""

from __future__ import annotations

import asyncio
import resource
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.staging.stage import Stage
from tests.staging.traffic import events, send_labelled

FAULTY_RESTARTS = 3


class Incident(NamedTuple):
    """What happens, the alerts that it leads to, and how it is staged."""

    what: str
    alerts: tuple[str, ...]
    stage: Callable[[Stage], Awaitable[None]]


async def no_incident(_: Stage) -> None:
    """What the deployment does anyway is enough."""
    await asyncio.Event().wait()


# --- models


async def turn_round(stage: Stage) -> None:
    """A stream whose rule turns round, after the two models that it trained had an hour of the fast clock."""
    retrain = {"first_after": 300, "cooldown": 300, "settle": 200}
    await stage.declare("turned", objective={"metric": "log_loss"}, retrain=retrain)
    await send_labelled(stage, "turned", 0, 600)
    await asyncio.sleep(150)
    await send_labelled(stage, "turned", 600, 300, turned=True)
    await asyncio.Event().wait()


async def turn_round_at_once(stage: Stage) -> None:
    """A stream whose rule turns round between two moments, and whose gates let no candidate through by then."""
    sections = {"objective": {"metric": "log_loss"}, "retrain": {"first_after": 300, "cooldown": 5000}}
    await stage.declare("wrong", **sections)
    await send_labelled(stage, "wrong", 0, 400, pause_s=0.2)
    await stage.until_champion("wrong", 1)
    await stage.declare("wrong", **sections, gates={"margin": 5.0})
    await send_labelled(stage, "wrong", 400, 200, pause_s=0.2)
    await send_labelled(stage, "wrong", 600, 400, turned=True, pause_s=0.0)
    await asyncio.Event().wait()


async def send_no_labels(stage: Stage) -> None:
    """A stream whose labels never come within their horizon of ten minutes."""
    await stage.declare("unlabelled", label={"name": "y", "classes": ["no", "yes"], "horizon": "PT10M"})
    await stage.send("unlabelled", "events", events(0, 800))
    await asyncio.Event().wait()


async def train_on_one_class(stage: Stage) -> None:
    """A training is asked for where all labels are alike."""
    await stage.declare("alike", retrain={"first_after": 100_000})
    sent = events(0, 200)
    await stage.send("alike", "events", sent)
    await stage.send("alike", "labels", [{"event_id": event["id"], "value": "no"} for event in sent])
    await asyncio.sleep(3)
    url = f"{stage.deployment.url('registry')}/v1/streams/alike/retrain"
    (await stage.client.post(url, json={})).raise_for_status()
    await asyncio.Event().wait()


async def lose_a_model(stage: Stage) -> None:
    """The store lacks the newest champion when the child that answers HTTP starts, and there is no copy of it."""
    version = await stage.champion("turned")
    url = f"{stage.deployment.url('registry')}/v1/models/turned/{version}"
    algorithm, digest = (await stage.client.get(url)).json()["model"]["digest"].split(":")
    package = stage.home.artifacts / algorithm / digest[:2] / digest[2:]
    away = stage.home.root / "package-away"
    with stage.stopped("supervisor"):
        package.rename(away)
        for copy in stage.home.data("server").rglob("turned*"):
            copy.unlink() if copy.is_file() else shutil.rmtree(copy)
        stage.server_child("http").kill()
    try:
        await asyncio.Event().wait()
    finally:
        away.rename(package)


# --- records


async def write_unreadable(stage: Stage) -> None:
    """Somebody writes to a topic of ours what is no prediction: a few records, then more than may be put aside."""
    await stage.declare("unreadable", retention={"days": 0.02, "gigabytes": 1})
    await stage.send("unreadable", "events", events(0, 50))
    predictions = stage.topic("unreadable", "predictions")
    await stage.write(predictions, [b"no prediction"] * 5)
    await asyncio.sleep(5)
    await stage.write(predictions, [b"no prediction"] * 300)
    await asyncio.sleep(3)
    await stage.send("unreadable", "events", events(50, 1500))
    await asyncio.Event().wait()


async def write_malformed(stage: Stage) -> None:
    """A producer that writes to Kafka by itself sends one bad event of three."""
    await stage.declare("malformed")
    for first in range(0, 10_000, 20):
        await stage.write(stage.topic("malformed", "received"), [b'{"no": "event"}'] * 10)
        await stage.send("malformed", "events", events(first, 20))
        await asyncio.sleep(0.5)


async def lose_records(stage: Stage) -> None:
    """Records are deleted before the validator has read them."""
    await stage.declare("lost")
    await stage.send("lost", "events", events(0, 50))
    await asyncio.sleep(3)
    with stage.stopped("validator"):
        await asyncio.sleep(2)  # the request for records that it had sent is answered: with none
        await stage.send("lost", "events", events(50, 50))
        await stage.delete_records(stage.topic("lost", "received"))
    await asyncio.Event().wait()


async def damage_state(stage: Stage) -> None:
    """A file of the validator's state is overwritten while it is down."""
    await stage.declare("damaged")
    await stage.send("damaged", "events", events(0, 50))
    await asyncio.sleep(3)
    with stage.stopped("supervisor"):
        validator = stage.process("validator")
        validator.kill()
        await asyncio.sleep(0.5)
        for file in (stage.home.data("validator") / "state").rglob("CURRENT"):
            if "damaged" in str(file):
                file.write_bytes(b"damaged")
    await asyncio.sleep(3)
    await stage.until_ready()
    await stage.send("damaged", "events", events(50, 50))
    await asyncio.Event().wait()


@contextmanager
def replaced_by_a_file(folder: Path) -> Iterator[None]:
    """An empty file in the place of a folder, for the length of the block."""
    away = folder.with_name(f"{folder.name}-away")
    folder.rename(away)
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        away.rename(folder)


def fail_checkpoints(place: Path) -> Callable[[Stage], Awaitable[None]]:
    """The place for checkpoints becomes a file: no unit opens on another machine meanwhile, so nothing runs beside."""

    async def stage_it(stage: Stage) -> None:
        await stage.declare("checkpointed")
        await stage.send("checkpointed", "events", events(0, 20))
        await asyncio.sleep(5)
        with replaced_by_a_file(place):
            for first in range(20, 10_000, 20):
                await stage.send("checkpointed", "events", events(first, 20))
                await asyncio.sleep(1)

    return stage_it


# --- processes


async def halt_a_service(stage: Stage) -> None:
    """The trainer stands still."""
    with stage.stopped("trainer"):
        await asyncio.sleep(15)


async def crash_again_and_again(stage: Stage) -> None:
    """The notifier is killed as soon as it has come back."""
    for _ in range(FAULTY_RESTARTS + 1):
        await stage.until_ready()
        await asyncio.sleep(1.5)
        stage.process("notifier").kill()
    await asyncio.Event().wait()


async def stutter(stage: Stage) -> None:
    """Ingestion stands still for a second and a half at a time, under load."""
    await stage.declare("stutter")

    async def load(number: int) -> None:
        for first in range(number * 100_000, (number + 1) * 100_000, 5):
            with suppress(httpx.HTTPError):
                await stage.send("stutter", "events", events(first, 5))

    async with asyncio.TaskGroup() as tasks:
        for number in range(8):
            tasks.create_task(load(number))
        while True:
            with stage.stopped("ingestion"):
                await asyncio.sleep(1.5)
            await asyncio.sleep(0.5)


async def take_descriptors(stage: Stage) -> None:
    """The registry may open a few files more than it has."""
    process = stage.process("registry")
    few = process.num_fds() + 5
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (few, before[1]))
    try:
        await asyncio.Event().wait()
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)


async def burn_cpu(stage: Stage) -> None:
    """More requests than one core answers."""
    await stage.declare("busy")

    async def load(number: int) -> None:
        for first in range(number * 1_000_000, (number + 1) * 1_000_000, 500):
            with suppress(httpx.HTTPError):
                await stage.send("busy", "events", events(first, 500))

    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(load(number))


async def kill_the_broker(stage: Stage) -> None:
    """The broker is killed while what would start it again stands still; clients go on asking."""
    await stage.declare("fast", serving={"http": "fast"})
    await stage.send("fast", "events", events(0, 5))
    await asyncio.sleep(3)

    async def ask(first: int) -> None:
        with suppress(httpx.HTTPError):
            await stage.send("fast", "events", events(first, 5))

    with stage.stopped("supervisor"):
        stage.process("broker").kill()
        async with asyncio.TaskGroup() as tasks:
            for first in range(100, 100_000, 10):
                tasks.create_task(ask(first))
                with suppress(httpx.HTTPError):
                    await stage.predict("fast", {"id": f"p{first}", "data": {"x": 1.0}})
                await asyncio.sleep(0.5)


def in_one_stream() -> list[Incident]:
    """What happens in streams of their own, all at the same time."""
    return [
        Incident(
            "A stream's rule turns round",
            ("DriftConfirmed", "ChampionFallsShort", "LossRose"),
            turn_round,
        ),
        Incident("A stream's rule turns round between two moments", ("ModelReturned",), turn_round_at_once),
        Incident("The data of the services are on a disk, in a process", ("DiskFull", "MemoryHigh"), no_incident),
        Incident(
            "A producer writes to a topic of ours what is no prediction",
            (
                "DeadLetters",
                "UnitsSuspended",
                "PartitionsFail",
                "NotificationsRefused",
                "GroupBehind",
                "RetentionRunsOut",
            ),
            write_unreadable,
        ),
        Incident("One of three events that a producer writes is malformed", ("RecordsRejected",), write_malformed),
        Incident("Labels never come", ("LabelsMissing",), send_no_labels),
        Incident("A training is asked for where all labels are alike", ("TrainingFailed",), train_on_one_class),
    ]


def of_all_streams(checkpoints: Path) -> list[Incident]:
    """What all streams feel, one after the other."""
    return [
        Incident("Records are deleted before the validator has read them", ("RecordsMissing",), lose_records),
        Incident("The trainer stands still", ("ServiceDown",), halt_a_service),
        Incident("The notifier is killed again and again", ("CrashLoop",), crash_again_and_again),
        Incident("A file of the validator's state is overwritten", ("StateCorrupt",), damage_state),
        Incident("Ingestion stands still for 1.5 s at a time", ("EventLoopBlocked", "HttpSlow"), stutter),
        Incident("The registry may open few files more", ("DescriptorsRunOut",), take_descriptors),
        Incident("Events come as fast as ingestion takes them", ("CpuSaturated",), burn_cpu),
        Incident("The store lacks the champion when a child of the server starts", ("EpochsDiffer",), lose_a_model),
        Incident("The place for checkpoints becomes a file", ("CheckpointsFail",), fail_checkpoints(checkpoints)),
        Incident(
            "The broker is killed, and nothing starts it again",
            ("BrokerAway", "ServiceNotReady", "HttpFails", "AnswersUnconfirmed"),
            kill_the_broker,
        ),
    ]
