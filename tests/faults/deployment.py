"""All seven services on the memory log, each of which may crash and be started again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from penstock.artifacts import MemoryStore, Signer, Verifier
from penstock.bus.errors import TransientError
from penstock.bus.ports import Log
from penstock.bus.publisher import Publisher
from penstock.bus.state.unit_state import MemoryStateStores, StateStores
from penstock.bus.topics import control_topics
from penstock.contracts.records.streams import Streams
from penstock.drift_detector import wiring as drift_detector
from penstock.drift_detector.settings import DriftDetectorSettings
from penstock.ingestion import wiring as ingestion
from penstock.ingestion.intake import Intake
from penstock.registry.baseline_model import BaselinePublisher
from penstock.registry.db.engines import open_engine
from penstock.registry.db.outbox_relay import OutboxRelay
from penstock.registry.handlers import registry_group
from penstock.registry.signature_check import SignatureCheck
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
from penstock.trainer.wiring import _service as trainer_service
from penstock.validator import wiring as validator
from penstock.validator.settings import ValidatorSettings
from tests.faults.declaration import NAMESPACE, START_MS, declaration_of
from tests.faults.faulty_log import FaultyLog
from tests.faults.faulty_stores import FaultyArtifacts, FaultyDatabase, FaultyStores
from tests.faults.life import Crash, Life
from tests.faults.member import Member
from tests.faults.recorded_log import RecordedLog
from tests.faults.training import runner, trained_models

GROUPS = ("validator", "server", "drift-detector", "retrain-trigger", "trainer", "registry")
MOST_STEPS = 500  # until a healed deployment rests
TRAINS_EVERY = 25  # of so many seeds one trains on its own rows

Patch = Callable[[Any], None]
"""Plants a bug: it is given each member, intake and registry when that begins its life."""

_VALIDATOR, _SERVER = ValidatorSettings(), StreamSettings()
_DETECTOR, _TRIGGER = DriftDetectorSettings(), RetrainTriggerSettings()
_KEY = Ed25519PrivateKey.generate()
_TELEMETRY = start_telemetry("penstock", environ={})


def no_bug(_: Any) -> None:
    """Every part as it is."""


class Deployment:
    """The services by name, several members of some. Log, stores and database outlive them."""

    def __init__(self, seed: int = 0, patch: Patch = no_bug) -> None:
        self.declaration = declaration_of(seed)
        self.clock = VirtualClock(START_MS)
        self.log = RecordedLog(self.clock)
        self.members: dict[str, Member] = {}
        self.reached: Counter[str] = Counter()
        self.signer, self.verifier = Signer(_KEY), Verifier([_KEY.public_key()])
        self.store = MemoryStore()
        self.store.contents.update(trained_models()[1])
        self.damaged: dict[str, bytes] = {}  # artifacts as they were, by digest
        self.registry: Registry
        self.intake: Intake
        self.intake_life: Life
        self._engine = open_engine("sqlite://")
        self._states: dict[str, MemoryStateStores] = {}
        self._patch = patch
        self._trains = seed % TRAINS_EVERY == 0

    async def start(self) -> None:
        """Start one member of each, and declare the stream."""
        await self.log.create(control_topics(NAMESPACE))
        for name in GROUPS:
            self.start_member(name, name)
        await self.registry.apply(self.declaration)
        await self.start_ingestion()

    async def start_ingestion(self) -> None:
        """Start ingestion anew; its memory of operations is gone."""
        self.intake_life = Life("ingestion", self.reached)
        resources, _ = self._resources(self.intake_life)
        away, self.log.away = self.log.away, False
        await resources.follow_streams().start()
        self.log.away = away
        self.intake = ingestion.build_intake(resources)
        self._patch(self.intake)

    def start_member(self, group: str, name: str) -> Member:
        """Start a member of a group: its first life, or the next one."""
        life = Life(group, self.reached)
        resources, log = self._resources(life)
        service = self._build(life, resources)
        beside = [self.registry.publish_outbox] if group == "registry" else []
        member = Member(life, log, resources, service, beside)
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

    def _build(self, life: Life, resources: Resources) -> Service:
        match life.name:
            case "validator":
                return validator.build(_VALIDATOR, resources)
            case "server":
                models = FaultyArtifacts(self.store, life, reading="model-read")
                loader = ModelLoader(models, self.verifier)
                self._patch(loader)
                return server.build_stream(_SERVER, resources, loader)
            case "drift-detector":
                return drift_detector.build(_DETECTOR, resources, self.store)
            case "retrain-trigger":
                return retrain_trigger.build(_TRIGGER, resources)
            case "trainer":
                archive = FaultyArtifacts(self.store, life, writing="archive")
                return trainer_service(resources, archive, self.signer, runner(archive, life, really=self._trains))
        self.registry = self._registry(life, resources)
        self._patch(self.registry)
        return Service(groups=[registry_group(self.registry)])

    def _registry(self, life: Life, resources: Resources) -> Registry:
        database = FaultyDatabase(self._engine, life)
        baselines, check = BaselinePublisher(self.store, self.signer), SignatureCheck(self.store, self.verifier)
        return Registry(database, OutboxRelay(database, resources), baselines, check, self.clock)

    async def step(self, name: str) -> int:
        """Step a member; one that crashes is started again."""
        try:
            return await self.members[name].step()
        except Crash:
            await self.crash(name)
            return 1

    async def crash(self, name: str) -> None:
        """Kill a member, and start it again from what is stored."""
        member = self.members[name]
        await member.bury()
        self.start_member(member.life.name, name)

    async def heal(self) -> None:
        """Let everything work again until nothing is left to do.

        Raises:
            AssertionError: it does not come to rest.
        """
        self.log.away = False
        self.store.contents.update(self.damaged)
        for member in self.members.values():
            member.life.crash_at = member.life.write_fault = None
        with suppress(TransientError):
            await self.registry.publish_outbox()
        quiet = 0
        for _ in range(MOST_STEPS):
            handled = sum([await self.step(name) for name in list(self.members)])
            quiet = 0 if handled else quiet + 1
            if quiet == 2:
                return
        raise AssertionError("the deployment does not come to rest")

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()
