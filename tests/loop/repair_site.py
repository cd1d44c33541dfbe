"""Repairs in one process: a validator, ingestion and a registry on the memory log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from penstock.artifacts import MemoryStore, Signer, Verifier
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import RecordBatch
from penstock.console.log_client import read_control_topic
from penstock.console.record_refusal import RecordRefusal, RefusalReason
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.partitioner import partition_of
from penstock.contracts.records.repairs import Repair
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.refusals import Refusal
from penstock.contracts.topics import RECEIVED, STREAMS, Topic
from penstock.ingestion import wiring as ingestion
from penstock.ingestion.intake import Intake
from penstock.ingestion.settings import IngestionSettings
from penstock.registry import wiring as registry
from penstock.registry.addresses import Addresses
from penstock.registry.command_context import CommandContext
from penstock.registry.db.engines import open_engine
from penstock.registry.use_cases.registry import Registry
from penstock.runtime.single_process import SingleProcess
from penstock.validator import wiring as validator
from penstock.validator.settings import ValidatorSettings

from .log_records import records_of

BY = CommandContext("ann")


class Crash(Exception):
    """The console ends here."""


class MemorySite:
    """A stream whose services take records in: for repairs, and for tests of what they did.

    `crash_before` is called with the name of each step, and may raise.
    """

    def __init__(self, process: SingleProcess, registry: Registry, intake: Intake, name: str) -> None:
        self.process = process
        self.registry = registry
        self.namespace = "penstock"
        self.crash_before: Callable[[str], None] = lambda _: None
        self._intake = intake
        self._streams = Streams()
        self._name = name

    @property
    def log(self) -> MemoryLog:
        return self.process.log

    @property
    def stream(self) -> StreamDeclared:
        """The newest declaration."""
        declared = self._streams.get(self._name)
        assert declared is not None
        return declared

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.process.clock() / 1000, UTC)

    async def declare(self, declaration: Declaration) -> None:
        await self.registry.apply(declaration)
        await self.process.run_until_quiet()
        await read_control_topic(self.log, self.namespace, STREAMS, self._streams.apply)

    async def record(self, repair: Repair) -> None:
        self.crash_before(repair.step)
        await self.registry.record_repair(self._name, repair, BY)

    async def send(self, kind: Literal["event", "label"], bodies: Sequence[bytes]) -> list[RecordRefusal]:
        self.crash_before("send")
        answers = await self._intake.submit(self._name, kind, bodies)
        return [
            RecordRefusal(index, RefusalReason(answer.code, answer.field or "", answer.detail))
            for index, answer in enumerate(answers)
            if isinstance(answer, Refusal)
        ]

    async def await_validated(self) -> None:
        await self.process.run_until_quiet()

    async def write(self, *values: bytes | None, key: bytes = b"c1") -> None:
        """Write to `received` past ingestion, as a producer to Kafka does."""
        topic = RECEIVED.name("penstock", self._name)
        partition = partition_of(key, RECEIVED.partitions(self.stream))
        self.log.append([RecordBatch.single(topic, partition, key, value) for value in values])
        await self.process.run_until_quiet()

    def records(self, topic: Topic[Any]) -> list[Any]:
        return records_of(self.log, topic, self.stream)


@asynccontextmanager
async def memory_site(declaration: Declaration, now: datetime) -> AsyncIterator[MemorySite]:
    """A validator, ingestion and a registry, for one stream."""
    process = SingleProcess()
    process.clock.advance_to(int(now.timestamp() * 1000))
    key = Ed25519PrivateKey.generate()
    parts = registry.Parts(MemoryStore(), Signer(key), Verifier([key.public_key()]), open_engine("sqlite://"))
    resources = process.resources()
    the_registry = registry.registry_of(parts, resources)
    try:
        await process.start(lambda r: validator.build(ValidatorSettings(), r))
        await process.add(resources, registry.service_of(the_registry, Addresses("", "", "", ""), resources))
        intake_resources = process.resources()
        await process.add(intake_resources, ingestion.build(IngestionSettings(), intake_resources))
        site = MemorySite(process, the_registry, ingestion.build_intake(intake_resources), declaration.name)
        await site.declare(declaration)
        yield site
    finally:
        await process.close()
        parts.engine.dispose()
