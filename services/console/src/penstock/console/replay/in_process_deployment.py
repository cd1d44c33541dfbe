"""Every service in this process, on the memory bus with a virtual clock: for replays at full speed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from penstock.artifacts import MemoryStore, Signer, Verifier
from penstock.console.replay.history_import import Reason, Refused
from penstock.console.replay.stream_watch import StreamWatch
from penstock.console.replay.training_delay import TrainingDelay
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.ids import derived_id
from penstock.contracts.refusals import Refusal
from penstock.drift_detector import wiring as drift_detector
from penstock.drift_detector.settings import DriftDetectorSettings
from penstock.ingestion import wiring as ingestion
from penstock.ingestion.intake import Intake
from penstock.ingestion.settings import IngestionSettings
from penstock.registry import wiring as registry
from penstock.registry.command_results import Once
from penstock.registry.db.engines import open_engine
from penstock.registry.use_cases.registry import Registry
from penstock.retrain_trigger import wiring as retrain_trigger
from penstock.retrain_trigger.settings import RetrainTriggerSettings
from penstock.runtime.service import Service
from penstock.runtime.single_process import SingleProcess
from penstock.server import wiring as server
from penstock.server.settings import StreamSettings
from penstock.server.wiring import Parts
from penstock.trainer import wiring as trainer
from penstock.validator import wiring as validator
from penstock.validator.settings import ValidatorSettings

ACTOR = "replay"


class LocalDeployment:
    """All seven services in this process, as a replay uses them. Time moves with the stream; `log` holds it all, and
    `registry` takes commands.
    """

    def __init__(
        self,
        process: SingleProcess,
        intake: Intake,
        watch: StreamWatch,
        delay: TrainingDelay,
        scorer: Service,
        office: Registry,
    ) -> None:
        self.watch = watch
        self.registry = office
        self._scorer = scorer
        self.log = process.log
        self._process = process
        self._intake = intake
        self._training_delay = delay

    async def send(self, kind: Literal["event", "label"], bodies: Sequence[bytes], now: datetime) -> int:
        """Hand records to ingestion's own check, at stream time `now`."""
        self._process.clock.advance_to(int(now.timestamp() * 1000))
        self._training_delay.rows_sent += len(bodies) if kind == "event" else 0
        answers = await self._intake.take(self.watch.stream.name, kind, bodies)
        return sum(isinstance(answer, Refusal) for answer in answers)

    async def bring(self, events: Sequence[bytes], now: datetime) -> list[Refused]:
        """Hand history to ingestion's own check; what was refused."""
        self._process.clock.advance_to(int(now.timestamp() * 1000))
        answers = await self._intake.take(self.watch.stream.name, "event", events)
        return [
            Refused(place, Reason(one.code, one.field or "", one.detail))
            for place, one in enumerate(answers)
            if isinstance(one, Refusal)
        ]

    async def proceed(self) -> None:
        """Let everything run."""
        await self._process.settle()

    async def tell_imported(self, outcomes: int, detail: str) -> None:
        """Tell the registry that history was imported; told again, it is done."""
        name = self.watch.stream.name
        once = Once(derived_id("imported", name, outcomes, detail), detail)
        await self.registry.imported(name, outcomes, detail, ACTOR, once)

    async def answered(self, ids: Sequence[str]) -> None:
        """Let everything run: afterwards each id has its prediction or rejection."""
        del ids
        await self._process.settle()

    async def quiet(self) -> None:
        """Let everything run until nothing is left to do."""
        await self._process.settle()

    def learning_seconds(self) -> float:
        """CPU seconds that the scorer has spent on learning."""
        return float(self._scorer.health()["learning_seconds"])


@asynccontextmanager
async def local_deployment(declaration: Declaration, training_delay: int = 0) -> AsyncIterator[LocalDeployment]:
    """A deployment of its own for one stream. `training_delay`: rows that a training waits after its data was cut."""
    key = Ed25519PrivateKey.generate()
    store, signer, verifier = MemoryStore(), Signer(key), Verifier([key.public_key()])
    process, delay = SingleProcess(), TrainingDelay(training_delay)
    try:
        office = process.resources()
        desk = registry.registry_of(registry.Parts(store, signer, verifier, open_engine("sqlite://")), office)
        await process.start(lambda r: validator.build(ValidatorSettings(), r))
        scorer = await process.start(lambda r: server.build_stream(StreamSettings(), r, Parts(store, verifier)))
        await process.start(lambda r: drift_detector.build(DriftDetectorSettings(), r, store))
        await process.start(lambda r: retrain_trigger.build(RetrainTriggerSettings(), r))
        await process.start(lambda r: trainer.build_in_process(r, store, signer))
        await process.add(office, registry.service_of(desk, office))
        gate = process.resources()
        await process.add(gate, ingestion.build(IngestionSettings(), gate))
        if training_delay:
            await process.start(delay.watching)
            process.hold(trainer.GROUP, delay.holds)
        await desk.apply(declaration, ACTOR)
        await process.settle()
        stream = gate.streams.get(declaration.name)
        assert stream is not None
        watch = StreamWatch(process.log, process.namespace, stream)
        await watch.start()
        yield LocalDeployment(process, ingestion.intake(gate), watch, delay, scorer, desk)
    finally:
        await process.close()
