"""Ingestion over HTTP on the memory log, for its tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from penstock.bus.errors import BrokerUnavailable, RecordTooLarge
from penstock.bus.memory.log import MemoryLog
from penstock.bus.memory.partition import MemoryRecord
from penstock.bus.memory.sink import MemorySink
from penstock.bus.memory.source import MemoryReader
from penstock.bus.ports import RecordBatch, TopicPartition
from penstock.bus.publisher import Publisher
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.streams import StreamDeclared
from penstock.ingestion.answer_cache import AnswerCache
from penstock.ingestion.limits import Limits
from penstock.ingestion.settings import IngestionSettings
from penstock.ingestion.wiring import build
from penstock.runtime.service import Resources, Service
from penstock.runtime.single_process import SingleProcess, VirtualClock

NOW = 1_767_225_600_000  # 2026-01-01T00:00Z
LIMITS = Limits(body_bytes=200_000, record_bytes=100_000, batch_records=50, body_seconds=5, ack_seconds=5)
JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}
EVENTS, LABELS = "/v1/streams/loans/events", "/v1/streams/loans/labels"

LOANS = """
[stream]
name = "loans"
task = "binary"
entity = "customer"
[label]
name = "defaulted"
classes = ["no", "yes"]
[fields]
customer = { type = "category" }
amount = { type = "number", min = 0, outside = "refuse" }
terms = { type = "integer" }
"""


class FaultySink(MemorySink):
    """A sink that fails as the log's `fault` says."""

    def __init__(self, log: FaultyLog) -> None:
        super().__init__(log)
        self._faulty_log = log

    async def send(self, batches: Sequence[RecordBatch]) -> Awaitable[None]:
        self._faulty_log.writes.append(sum(len(batch.values) for batch in batches))
        match self._faulty_log.fault:
            case "away":
                raise BrokerUnavailable("the broker is away")
            case "too large" if any(b"large" in (value or b"") for batch in batches for value in batch.values):
                raise RecordTooLarge("the record is larger than the log takes")
            case "silent":
                self._faulty_log.confirmation = asyncio.get_running_loop().create_future()
                return self._faulty_log.confirmation
        return await super().send(batches)


class FaultyLog(MemoryLog):
    """A log whose writes can be made to fail; while it is `silent`, writers wait for `confirmation`."""

    fault = "none"
    confirmation: asyncio.Future[None]

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.writes: list[int] = []
        self.readers = 0

    async def sink(self) -> FaultySink:
        return FaultySink(self)

    async def reader(self, starts: Mapping[TopicPartition, int | None]) -> MemoryReader:
        self.readers += 1
        return await super().reader(starts)


@dataclass
class Ingestion:
    """Ingestion over HTTP on the memory log."""

    client: httpx.AsyncClient
    app: Any
    log: FaultyLog
    clock: VirtualClock
    resources: Resources
    cache: AnswerCache

    async def post(self, path: str, body: Any, headers: dict[str, str] = JSON) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(path, content=content, headers=headers)

    def received_records(self) -> list[MemoryRecord]:
        partitions = self.log.partitions_of("penstock.loans.received")
        return [record for key in partitions for record in self.log.records_of(key)]

    def received_values(self) -> list[bytes]:
        return [record.value or b"null" for record in self.received_records()]

    def received(self) -> list[tuple[bytes | None, Any]]:
        return [(record.key, json.loads(record.value or b"null")) for record in self.received_records()]


async def build_service(
    limits: Limits = LIMITS, caught_up: bool = True, cache: AnswerCache | None = None, **changes: Any
) -> tuple[Service, Resources, SingleProcess]:
    """Ingestion on the memory log, with the stream `loans` declared; its app is not started."""
    process = SingleProcess(VirtualClock(NOW))
    log = FaultyLog(process.clock)
    resources = process.resources()
    publisher = Publisher(log, process.namespace, resources.streams)
    resources = replace(resources, log=log, publisher=publisher, **changes)
    stream = StreamDeclared(
        source="t", id="d", time=datetime(2026, 1, 1, tzinfo=UTC), version=1, declaration=parse_declaration(LOANS)
    )
    await log.create([*control_topics("penstock"), *stream_topics("penstock", stream)])
    resources.streams.apply(stream)
    service = build(IngestionSettings(), resources, limits, cache)
    if caught_up:
        await service.tasks[0]()
    return service, resources, process


@asynccontextmanager
async def open_ingestion(
    limits: Limits = LIMITS, caught_up: bool = True, cache: AnswerCache | None = None, **changes: Any
) -> AsyncIterator[Ingestion]:
    cache = cache or AnswerCache()
    service, resources, process = await build_service(limits, caught_up, cache, **changes)
    assert service.app is not None
    assert isinstance(resources.log, FaultyLog)
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)
    async with (
        service.app.router.lifespan_context(service.app),
        httpx.AsyncClient(transport=transport, base_url="http://ingestion") as client,
    ):
        yield Ingestion(client, service.app, resources.log, process.clock, resources, cache)


@pytest.fixture
async def ingestion() -> AsyncIterator[Ingestion]:
    async with open_ingestion() as opened:
        yield opened


def event(event_id: Any = "a", **data: Any) -> dict[str, Any]:
    return {"id": event_id, "data": {"customer": "c1", "amount": 1.5} | data}


def cloud_event(event_id: str = "a", **attributes: Any) -> dict[str, Any]:
    envelope = {"specversion": "1.0", "type": "penstock.event.v1", "source": "till", "time": "2026-01-01T00:00:00Z"}
    return {**envelope, **event(event_id), **attributes}


def raw(text: str) -> bytes:
    """A shorthand event with this text as its amount."""
    return b'{"id": "a", "data": {"customer": "c1", "amount": %s}}' % text.encode("utf-8")
