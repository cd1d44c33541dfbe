"""Models in child processes: whatever a model does there, the server's own process goes on and answers."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.partition import MemoryRecord
from penstock.contracts.records.models import Challenger, ModelEpoch, RolloutMode, RolloutStep
from penstock.contracts.topics import EVENTS
from penstock.server.models import manager as manager_module
from penstock.server.models import model_processes as model_processes_module
from penstock.server.models.arm_loader import TRIES, ArmLoader
from penstock.server.models.circuit_breaker import MAX_FAILURES
from penstock.server.models.manager import ModelManager
from penstock.server.models.model_check import RefusedModel
from penstock.server.models.model_loader import ModelLoader
from penstock.server.models.model_process import ModelProcessFailed, ProcessLimits
from penstock.server.models.model_processes import ModelProcesses
from penstock.server.scoring import arm_outputs as arm_outputs_module
from penstock.server.scoring.batch_predictor import BatchPredictor

BAD_CHILD = Path(__file__).with_name("bad_model_child.py")
PATIENT = ProcessLimits(memory=2 * 2**30, opening=120.0, call=120.0)


def processes_that(behaviour: str, limits: ProcessLimits = PATIENT) -> ModelProcesses:
    """Child processes whose models behave so."""
    return ModelProcesses(limits, (sys.executable, str(BAD_CHILD), behaviour))


@asynccontextmanager
async def managed(deployment: Any, processes: ModelProcesses, loader: Any = None) -> AsyncIterator[Any]:
    """A model manager that opens models in these processes, and its alerts."""
    manager, alerts = deployment.new_manager(ArmLoader(loader or deployment.loader, processes))
    try:
        yield manager, alerts
    finally:
        await manager.close()


@asynccontextmanager
async def running(task: asyncio.Future[Any]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def rollout(registry: Any, mode: RolloutMode, share: float) -> ModelEpoch:
    """Epoch 3: version 1 beside version 2."""
    record: ModelEpoch = registry.epoch(1, *registry.trained(threshold=60.0))
    challenger = registry.epoch(2, *registry.trained(threshold=20.0)).champion
    step = RolloutStep(id="a rollout", mode=mode, challengers=(Challenger(model=challenger, share=share),))
    return record.model_copy(update={"epoch": 3, "id": "t3", "rollout": step})


def events(deployment: Any, numbers: range, income: float = 45.0) -> list[Any]:
    """Events as the log gives them."""
    raw = [
        json.dumps({"specversion": "1.0", "type": "penstock.event.v1", **deployment.event(number, income)}).encode()
        for number in numbers
    ]
    records = [MemoryRecord(offset, 0, None, value, ()) for offset, value in enumerate(raw)]
    return EVENTS.decoder(deployment.declared())(records)


async def answers(manager: ModelManager, deployment: Any, route: Any = "http", income: float = 45.0) -> list[Any]:
    """The data of predictions for ten events."""
    predictor = BatchPredictor(manager, route, "0", lambda *_: None)
    declared = deployment.declared()
    batches = await predictor.predict(declared, predictor.serving(declared), events(deployment, range(10), income))
    return [data for batch in batches for data in batch.data()]


class Signal:
    """Models misbehave while it is given; `reached` once one of them has begun to."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def give(self) -> None:
        self._file.touch()

    def withdraw(self) -> None:
        self._file.unlink()

    def reached(self) -> bool:
        return self._file.with_suffix(".reached").exists()


@pytest.fixture
def misbehave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Signal:
    """The signal at which models misbehave."""
    monkeypatch.setenv("MISBEHAVE_FILE", str(tmp_path / "told"))
    return Signal(tmp_path / "told")


def artifact_of(registry: Any) -> bytes:
    artifact: bytes = registry.store.get(registry.epoch(1, *registry.trained()).champion.digest)
    return artifact


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("eat_memory", "MemoryError"),
        ("crash", "signal SIGSEGV"),
        ("leave", "exit code 0"),
        ("chatter", "wrote no message"),
    ],
)
async def test_a_champion_that_cannot_be_opened_is_refused_while_the_one_before_answers(
    deployment: Any, registry: Any, misbehave: Signal, behaviour: str, reason: str
) -> None:
    async with managed(deployment, processes_that(behaviour)) as (manager, alerts):
        manager.add_epoch(registry.epoch(1, *registry.trained(threshold=60.0)))
        await manager.load_newest("loans")
        misbehave.give()
        manager.add_epoch(registry.epoch(2, *registry.trained(threshold=20.0)))
        await manager.load_newest("loans")
        assert {(data.epoch, data.version) for data in await answers(manager, deployment)} == {(1, 1)}
        await deployment.eventually(lambda: manager.health_facts()["refused"])
        assert reason in manager.health_facts()["refused"]["loans"]["reason"]
        await manager.load_newest("loans")
        assert [alert.subject for alert in alerts] == ["refused-model"]


async def test_a_model_that_hangs_while_it_opens_is_killed(registry: Any, misbehave: Signal) -> None:
    misbehave.give()
    processes = processes_that("hang", ProcessLimits(opening=1.0))
    with pytest.raises(ModelProcessFailed, match="took longer than 1 s"):
        await processes.check(artifact_of(registry), registry.declaration)
    assert not children("hang")


def children(behaviour: str) -> list[psutil.Process]:
    """The child processes whose models behave so, and have not ended."""
    return [process for process in psutil.Process().children() if behaviour in _command(process)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # a zombie is one, too
        return []


async def test_what_a_model_starts_ends_with_its_process(
    deployment: Any, registry: Any, misbehave: Signal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"
    monkeypatch.setenv("FORKED_PID_FILE", str(pid))
    misbehave.give()
    opening = asyncio.ensure_future(processes_that("fork").check(artifact_of(registry), registry.declaration))
    async with running(opening):
        await deployment.eventually(lambda: _text(pid))
        forked = psutil.Process(int(_text(pid)))
    await deployment.eventually(lambda: not forked.is_running() or forked.status() == psutil.STATUS_ZOMBIE)


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


async def test_a_champion_that_ends_its_process_is_tried_again_and_then_refused_for_good(
    deployment: Any, registry: Any, misbehave: Signal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager_module, "FIRST_PAUSE", 0.001)
    misbehave.give()
    started: list[int] = []
    start = model_processes_module.ModelProcess.start

    async def count_starts(*arguments: Any) -> Any:
        started.append(len(started))
        return await start(*arguments)

    monkeypatch.setattr(model_processes_module.ModelProcess, "start", count_starts)
    async with managed(deployment, processes_that("crash")) as (manager, alerts):
        manager.add_epoch(registry.epoch(1, *registry.trained()))
        task = asyncio.ensure_future(manager.keep_newest_loaded())
        async with running(task):
            await deployment.eventually(lambda: len(started) == TRIES and not manager._epochs.streams_to_load())
            assert manager.ready
            assert len(alerts) == 1
    assert len(started) == TRIES


async def test_a_model_that_hangs_while_it_opens_holds_up_no_other(
    deployment: Any, registry: Any, misbehave: Signal
) -> None:
    processes, artifact = processes_that("hang"), artifact_of(registry)
    misbehave.give()
    hung = asyncio.ensure_future(processes.check(artifact, registry.declaration))
    async with running(hung):
        await deployment.eventually(misbehave.reached)
        misbehave.withdraw()
        await processes.check(artifact, registry.declaration)
        assert not hung.done()
    await processes.close()


async def test_a_child_is_kept_warm_and_tries_one_model_after_the_other(registry: Any, misbehave: Signal) -> None:
    processes, artifact = processes_that("crash"), artifact_of(registry)
    await processes.check(artifact, registry.declaration)
    (child,) = children("crash")
    await processes.check(artifact, registry.declaration)
    with pytest.raises(RefusedModel, match="not a readable zip"):
        await processes.check(b"no model", registry.declaration)
    await processes.check(artifact, registry.declaration)
    assert children("crash") == [child]
    misbehave.give()
    with pytest.raises(ModelProcessFailed, match="SIGSEGV"):
        await processes.check(artifact, registry.declaration)
    misbehave.withdraw()
    await processes.check(artifact, registry.declaration)
    await processes.close()
    assert not children("crash")


async def test_a_challenger_in_a_child_answers_as_it_would_in_this_process(deployment: Any, registry: Any) -> None:
    async with managed(deployment, ModelProcesses(PATIENT)) as (manager, _):
        manager.add_epoch(rollout(registry, "canary", 1.0))
        await manager.load_newest("loans")
        in_child = await answers(manager, deployment)
    local, _ = deployment.new_manager(ArmLoader(deployment.loader))
    local.add_epoch(rollout(registry, "canary", 1.0))
    await local.load_newest("loans")
    assert in_child == await answers(local, deployment)
    assert {(data.arm, data.version) for data in in_child} == {("challenger", 2)}


@pytest.mark.parametrize("behaviour", ["crash-later", "chatter-later"])
async def test_the_champion_answers_for_a_challenger_whose_process_ends_until_its_breaker_opens(
    deployment: Any, registry: Any, misbehave: Signal, behaviour: str
) -> None:
    async with managed(deployment, processes_that(behaviour)) as (manager, alerts):
        manager.add_epoch(rollout(registry, "canary", 1.0))
        await manager.load_newest("loans")
        assert {data.version for data in await answers(manager, deployment)} == {2}
        misbehave.give()
        breaker = manager.serving("loans").breakers[0]
        async with asyncio.timeout(60):
            while breaker.usable_arm is not None:
                failures = breaker.failures
                assert {(data.version, data.fallback) for data in await answers(manager, deployment)} == {(1, True)}
                assert breaker.failures - failures <= 1
                await asyncio.sleep(0.01)
        await deployment.eventually(lambda: breaker.arm.model.learner is None)
        await manager.load_newest("loans")
        assert breaker.failures == MAX_FAILURES
        assert [(alert.subject, alert.version) for alert in alerts] == [("failed-challenger", 2)]


async def test_a_challenger_that_failed_once_is_opened_anew(deployment: Any, registry: Any, misbehave: Signal) -> None:
    async with managed(deployment, processes_that("crash-later")) as (manager, alerts):
        manager.add_epoch(rollout(registry, "canary", 1.0))
        await manager.load_newest("loans")
        misbehave.give()
        assert {data.version for data in await answers(manager, deployment)} == {1}
        misbehave.withdraw()
        breaker = manager.serving("loans").breakers[0]
        await deployment.eventually(lambda: not breaker.arm.model.is_reopening)
        assert {data.version for data in await answers(manager, deployment)} == {2}
        assert manager.serving("loans").breakers[0].failures == 1
        assert not alerts


async def test_a_hung_challenger_is_killed_and_the_champion_answers(
    deployment: Any, registry: Any, misbehave: Signal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arm_outputs_module, "CHALLENGER_TIMEOUT", 0.1)
    async with managed(deployment, processes_that("hang-later")) as (manager, _):
        manager.add_epoch(rollout(registry, "canary", 1.0))
        await manager.load_newest("loans")
        (child,) = children("hang-later")
        misbehave.give()
        for batch in await asyncio.gather(*(answers(manager, deployment) for _ in range(5))):
            assert {(data.version, data.fallback) for data in batch} == {(1, True)}
        await deployment.eventually(lambda: not child.is_running())
        assert manager.serving("loans").breakers[0].failures == 1


async def test_nobody_on_http_waits_for_a_hung_shadow_and_epochs_go_on_loading(
    deployment: Any, registry: Any, misbehave: Signal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arm_outputs_module, "CHALLENGER_TIMEOUT", 120.0)
    async with managed(deployment, processes_that("hang-later")) as (manager, _):
        manager.add_epoch(rollout(registry, "shadow", 0.0))
        await manager.load_newest("loans")
        misbehave.give()
        streamed = [asyncio.ensure_future(answers(manager, deployment, "stream")) for _ in range(50)]
        async with running(asyncio.gather(*streamed, return_exceptions=True)):
            await deployment.eventually(misbehave.reached)
            assert {data.version for data in await answers(manager, deployment)} == {1}
            misbehave.withdraw()
            manager.add_epoch(registry.epoch(4, *registry.trained(threshold=20.0)))
            await manager.load_newest("loans")
            await deployment.eventually(lambda: manager.serving("loans").epoch == 4)
            assert {data.epoch for data in await answers(manager, deployment)} == {4}
            assert not any(task.done() for task in streamed)


class _HiccupLoader(ModelLoader):
    """Its second model fails twice to be loaded, and then can be."""

    def open(self, record: ModelEpoch, *arguments: Any) -> Any:
        if record.epoch == 2 and (errors := self.__dict__.setdefault("errors", [RuntimeError(), BrokerUnavailable()])):
            raise errors.pop()
        return super().open(record, *arguments)


async def test_a_hiccup_during_a_swap_ends_nothing_and_the_epoch_is_tried_again(
    deployment: Any, registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager_module, "FIRST_PAUSE", 0.001)
    loader = _HiccupLoader(registry.store, registry.verifier)
    manager, alerts = deployment.new_manager(ArmLoader(loader))
    manager.add_epoch(registry.epoch(1, *registry.trained()))
    task = asyncio.ensure_future(manager.keep_newest_loaded())
    async with running(task):
        await deployment.eventually(lambda: manager.serving("loans"))
        manager.add_epoch(registry.epoch(2, *registry.trained(threshold=20.0)))
        await deployment.eventually(lambda: "loans" in manager.health_facts()["waiting"])
        assert {data.epoch for data in await answers(manager, deployment)} == {1}
        await deployment.eventually(lambda: manager.serving("loans").epoch == 2)
        assert not task.done()
        assert not alerts
