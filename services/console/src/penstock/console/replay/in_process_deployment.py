"""All services in this process, on the memory log with a virtual clock: for replays at full speed.

What grows with the rows (state, archives, models, outcomes) lies in temporary files, and trainings run in child
processes, as in a deployment.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette

from penstock.artifacts import FileStore, Signer, Verifier
from penstock.bus.state.rocksdb import RocksStateStores, StateMemory
from penstock.console.record_refusal import RecordRefusal, RefusalReason
from penstock.console.replay.free_memory import FreeMemory
from penstock.console.replay.log_retention import LogRetention
from penstock.console.replay.training_delay import TrainingDelay
from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.ids import derived_id
from penstock.contracts.refusals import Refusal
from penstock.drift_detector import wiring as drift_detector
from penstock.drift_detector.settings import DriftDetectorSettings
from penstock.ingestion import limits as ingestion_limits
from penstock.ingestion import wiring as ingestion
from penstock.ingestion.intake import Intake
from penstock.ingestion.settings import IngestionSettings
from penstock.registry import wiring as registry
from penstock.registry.addresses import Addresses
from penstock.registry.command_context import CommandContext, IdempotencyKey
from penstock.registry.db.engines import open_engine
from penstock.registry.use_cases.registry import Registry
from penstock.retrain_trigger import wiring as retrain_trigger
from penstock.retrain_trigger.settings import RetrainTriggerSettings
from penstock.runtime.service import Resources, Service
from penstock.runtime.single_process import SingleProcess
from penstock.server import wiring as server
from penstock.server.models.model_loader import ModelLoader
from penstock.server.settings import StreamSettings
from penstock.trainer import wiring as trainer
from penstock.validator import wiring as validator
from penstock.validator.settings import ValidatorSettings

ACTOR = "replay"
LIMITS = replace(
    ingestion_limits.LIMITS, recent_operations=1000
)  # a conflict that is not seen there, the validator sees
STATE_MEMORY = StateMemory(cache=16 << 20, unflushed=32 << 20, write_buffer=8 << 20)


@dataclass(frozen=True)
class _Services:
    """The services that the deployment calls or runs tasks of, ingestion's resources (the streams), and the models."""

    registry: Registry
    registry_app: Starlette
    artifacts: Path
    ingestion: Resources
    intake: Intake
    scorer: Service
    trainer: Service
    models: ModelLoader


class InProcessDeployment:
    """All seven services in this process, for one stream, whose time is the services' clock.

    `watch` follows the stream, `log` holds all records, `registry` takes commands, and so does `registry_app` over
    HTTP. Models lie in the folder `artifacts`; `models` opens them.
    """

    def __init__(self, process: SingleProcess, services: _Services, watch: StreamWatch, delay: TrainingDelay) -> None:
        self.watch = watch
        self.registry = services.registry
        self.registry_app = services.registry_app
        self.artifacts = services.artifacts
        self.models = services.models
        self.log = process.log
        self._process = process
        self._services = services
        self._training_delay = delay
        self._retention = LogRetention(process.log, process.namespace, watch.stream)
        self._free_memory = FreeMemory()

    async def send(
        self, kind: Literal["event", "label"], bodies: Sequence[bytes], now: datetime
    ) -> list[RecordRefusal]:
        """Give records to ingestion at stream time `now`; the refusals."""
        self._process.clock.advance_to(int(now.timestamp() * 1000))
        self._training_delay.rows_sent += len(bodies) if kind == "event" else 0
        self._retention.apply(len(bodies))
        self._free_memory.apply(len(bodies))
        answers = await self._services.intake.submit(self.watch.stream.name, kind, bodies)
        return [
            RecordRefusal(index, RefusalReason(answer.code, answer.field or "", answer.detail))
            for index, answer in enumerate(answers)
            if isinstance(answer, Refusal)
        ]

    async def run_pending(self) -> None:
        """Let the services run until nothing is left to do, and the watch read what they wrote."""
        await self._process.run_until_quiet()
        while await self.watch.poll():
            pass

    async def await_handled(self) -> None:
        """Let the services handle what was sent."""
        await self.run_pending()

    async def report_import(self, outcomes: int, detail: str) -> None:
        """Report to the registry that history was imported. Repeating it changes nothing."""
        name = self.watch.stream.name
        key = IdempotencyKey(derived_id("imported", name, outcomes, detail), detail)
        await self.registry.announce_import(name, outcomes, detail, CommandContext(ACTOR, key))

    async def await_answers(self, ids: Sequence[str]) -> None:
        """Let the services run: afterwards each event has its prediction or rejection, if it gets one."""
        del ids
        await self.run_pending()

    async def await_quiet(self) -> None:
        """Let the services run until nothing is left to do."""
        await self.run_pending()

    def learning_seconds(self) -> float:
        """The CPU seconds that the server has spent on learning from outcomes."""
        return float(self._services.scorer.health()["learning_seconds"])


@asynccontextmanager
async def in_process_deployment(
    declaration: Declaration, training_delay: int = 0
) -> AsyncIterator[InProcessDeployment]:
    """A deployment in this process for one stream, for the length of the block. Its files lie below TMPDIR.

    Args:
        declaration: of the stream.
        training_delay: rows after the end of its training data before a training begins.
    """
    with tempfile.TemporaryDirectory(prefix="penstock-replay-") as folder:
        async with _started_deployment(Path(folder), declaration, training_delay) as deployment:
            yield deployment


@asynccontextmanager
async def _started_deployment(
    folder: Path, declaration: Declaration, training_delay: int
) -> AsyncIterator[InProcessDeployment]:
    stores = RocksStateStores(folder / "state", memory=STATE_MEMORY)
    process, delay = SingleProcess(state_stores=lambda: stores), TrainingDelay(training_delay)
    try:
        services = await _start_services(process, folder / "artifacts")
        if training_delay:
            await process.start(delay.follower_service)
            process.pause_while(trainer.GROUP, delay.holds)
        await services.registry.apply(declaration, CommandContext(ACTOR))
        await process.run_until_quiet()
        stream = services.ingestion.streams.get(declaration.name)
        assert stream is not None
        watch = StreamWatch(process.log, process.namespace, stream)
        await watch.start()
        async with _running_tasks(services.trainer):
            yield InProcessDeployment(process, services, watch, delay)
    finally:
        await process.close()


@asynccontextmanager
async def _running_tasks(service: Service) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(run()) for run in service.tasks]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


async def _start_services(process: SingleProcess, artifacts: Path) -> _Services:
    key = Ed25519PrivateKey.generate()
    store, signer, verifier = FileStore(artifacts), Signer(key), Verifier([key.public_key()])
    models = ModelLoader(store, verifier)
    registry_resources = process.resources()
    registry_service = registry.registry_of(
        registry.Parts(store, signer, verifier, open_engine("sqlite://")), registry_resources
    )
    await process.start(lambda r: validator.build(ValidatorSettings(), r))
    scorer = await process.start(lambda r: server.build_stream(StreamSettings(), r, models))
    await process.start(lambda r: drift_detector.build(DriftDetectorSettings(), r, store))
    await process.start(lambda r: retrain_trigger.build(RetrainTriggerSettings(), r))
    trains = await process.start(lambda r: trainer.build_with_children(r, artifacts, signer))
    registry_part = registry.service_of(registry_service, Addresses("", "", "", ""), registry_resources)
    assert registry_part.app is not None
    await process.add(registry_resources, registry_part)
    ingestion_resources = process.resources()
    await process.add(ingestion_resources, ingestion.build(IngestionSettings(), ingestion_resources))
    return _Services(
        registry=registry_service,
        registry_app=registry_part.app,
        artifacts=artifacts,
        ingestion=ingestion_resources,
        intake=ingestion.build_intake(ingestion_resources, LIMITS),
        scorer=scorer,
        trainer=trains,
        models=models,
    )
