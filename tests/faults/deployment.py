"""All seven services on the memory log, each of which may crash and be started again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from penstock.artifacts import MemoryStore, Signer, Verifier
from penstock.bus.errors import TransientError
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import Log
from penstock.bus.publisher import Publisher
from penstock.bus.state.unit_state import MemoryStateStores, StateStores
from penstock.bus.topics import control_topics
from penstock.bus.worker.worker import Worker
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.streams import Streams
from penstock.contracts.records.training import Evaluation, Score
from penstock.drift_detector import wiring as drift_detector
from penstock.drift_detector.settings import DriftDetectorSettings
from penstock.ingestion import wiring as ingestion
from penstock.ingestion.intake import Intake
from penstock.registry import wiring as registry
from penstock.registry.db.engines import open_engine
from penstock.registry.use_cases.registry import Registry
from penstock.retrain_trigger import wiring as retrain_trigger
from penstock.retrain_trigger.settings import RetrainTriggerSettings
from penstock.runtime.service import Resources, Service
from penstock.runtime.single_process import VirtualClock
from penstock.server import wiring as server
from penstock.server.models.model_loader import ModelLoader
from penstock.server.settings import StreamSettings
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import start_telemetry
from penstock.trainer.job import TrainedModel, TrainingJob, TrainingResult
from penstock.trainer.training.job_runner import in_process_runner
from penstock.trainer.wiring import _service as trainer_service
from penstock.validator import wiring as validator
from penstock.validator.settings import ValidatorSettings
from tests.faults.faulty_ports import Crash, FaultyLog, FaultyStores, Life

NAMESPACE = "penstock"
PAUSE = 3600  # seconds that pass each time a failing unit is looked at
START_MS = 1_767_600_000_000
DECLARATION = Declaration.model_validate(
    {
        "name": "sim",
        "task": "binary",
        "entity": "key",
        "partitions": 2,
        "fields": {"key": {"type": "category", "feature": False}, "x": {"type": "number", "min": 0}},
        "label": {"name": "y", "classes": ["no", "yes"], "prior": {"no": 1, "yes": 1}},
        "models": {"families": ["linear"]},
        "retrain": {"first_after": 20, "cooldown": 20, "growth": 1.5},
    }
)
GROUPS = ("validator", "server", "drift-detector", "retrain-trigger", "trainer", "registry")
_KEY = Ed25519PrivateKey.generate()
_TELEMETRY = start_telemetry("penstock", environ={})
_STORE = MemoryStore()
_trained: list[TrainedModel] = []


async def train_once(job: TrainingJob) -> TrainingResult:
    """A training whose model is that of the first one in this process, and which the gates let through."""
    if not _trained:
        result = await in_process_runner(_STORE)(job)
        if result.model is None:
            return result
        _trained.append(result.model)
    score = Score(value=0.8, low=0.7, high=0.9, rows=1000)
    worse = Score(value=0.5, low=0.4, high=0.6, rows=1000)
    gain = Score(value=0.2, low=0.1, high=0.3, rows=1000)
    evaluation = Evaluation(metric="accuracy", candidate=score, champion=worse, baseline=worse, gain=gain)
    return TrainingResult(model=_trained[0].model_copy(update={"evaluation": evaluation}), environment={})


class Member:
    """One life of a service: its worker and followers."""

    def __init__(self, life: Life, log: FaultyLog, resources: Resources, service: Service) -> None:
        self.life = life
        self.log = log
        self.worker: Worker = resources.worker(service.groups[0])
        self.worker._retries._clock = itertools.count(0, PAUSE).__next__  # whatever waits for another try is due
        self.followers = [resources.follow_streams(), *service.followers]
        self.started = False

    async def step(self) -> int:
        """Follow, and handle what is there; an outage drops the session, a crash ends the life.

        Raises:
            Crash: the life is over.
        """
        try:
            handled = 0
            for follower in self.followers:
                handled += await (follower.step(0) if self.started else _start(follower))
            self.started = True
            handled += await self.worker.step(0)
            await asyncio.sleep(0)
        except TransientError:
            await self.worker.abandon()
            handled = 1
        if self.life.over:
            raise Crash(self.life.name)
        return handled

    async def bury(self) -> None:
        """The session ends, and others take over; nothing is written or committed."""
        self.life.over = True
        await self.worker._writer.cancel()
        for source in self.log.sources:
            if source.member in source.member._group.members:
                with suppress(Crash, TransientError):
                    await source.member.expire_session()


async def _start(follower: Any) -> int:
    await follower.start()
    return 1


class Deployment:
    """The services by name, several members of some. Stores and database outlive them."""

    def __init__(self, patch: Callable[[Member], None] = lambda _: None) -> None:
        self.clock = VirtualClock(START_MS)
        self.log = MemoryLog(self.clock)
        self.members: dict[str, Member] = {}
        self.reached: dict[str, int] = {}
        self.signer, self.verifier = Signer(_KEY), Verifier([_KEY.public_key()])
        self.store = _STORE
        self._engine = open_engine("sqlite://")
        self._states: dict[str, MemoryStateStores] = {}
        self._patch = patch
        self.registry: Registry
        self.intake: Intake
        self.intake_life: Life

    async def start(self) -> None:
        """Start one member of each, and declare the stream."""
        await self.log.create(control_topics(NAMESPACE))
        for name in GROUPS:
            self.start_member(name, name)
        await self.registry.apply(DECLARATION)
        await self.start_ingestion()

    async def start_ingestion(self) -> None:
        """Start ingestion anew; its memory of operations is gone."""
        self.intake_life = Life("ingestion", self.reached)
        resources, _ = self._resources(self.intake_life)
        await resources.follow_streams().start()
        self.intake = ingestion.build_intake(resources)

    def start_member(self, group: str, name: str) -> Member:
        """Start a member of a group: its first life, or the next one."""
        life = Life(group, self.reached)
        resources, log = self._resources(life)
        member = Member(life, log, resources, self._build(group, resources))
        self._patch(member)
        self.members[name] = member
        return member

    def _resources(self, life: Life) -> tuple[Resources, FaultyLog]:
        streams, log = Streams(), FaultyLog(self.log, life)
        states = FaultyStores(self._states.setdefault(life.name, MemoryStateStores()), life)
        port = cast("Log", log)
        publisher = Publisher(port, NAMESPACE, streams)
        stores: StateStores = states
        return Resources(NAMESPACE, port, streams, publisher, _TELEMETRY, self.clock, stores, Metrics()), log

    def _build(self, group: str, resources: Resources) -> Service:
        match group:
            case "validator":
                return validator.build(ValidatorSettings(), resources)
            case "server":
                return server.build_stream(StreamSettings(), resources, ModelLoader(self.store, self.verifier))
            case "drift-detector":
                return drift_detector.build(DriftDetectorSettings(), resources, self.store)
            case "retrain-trigger":
                return retrain_trigger.build(RetrainTriggerSettings(), resources)
            case "trainer":
                return trainer_service(resources, self.store, self.signer, train_once)
        parts = registry.Parts(self.store, self.signer, self.verifier, self._engine)
        self.registry = registry.registry_of(parts, resources)
        return registry.service_of(self.registry, resources)

    async def step(self, name: str) -> int:
        """Step a member; one that crashes is started again."""
        member = self.members[name]
        try:
            return await member.step()
        except Crash:
            await self.crash(name)
            return 1

    async def crash(self, name: str) -> None:
        """Kill a member, and start it again from what is stored."""
        member = self.members[name]
        await member.bury()
        self.start_member(member.life.name, name)

    async def heal(self) -> None:
        """Let everything work again until nothing is left to do."""
        self.log.away = False
        for member in self.members.values():
            member.life.crash_at = member.life.write_fault = None
        with suppress(TransientError):
            await self.registry.publish_outbox()
        quiet = 0
        for _ in range(500):
            handled = sum([await self.step(name) for name in list(self.members)])
            quiet = 0 if handled else quiet + 1
            if quiet == 2:
                return
        raise AssertionError("the deployment does not come to rest")

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()
