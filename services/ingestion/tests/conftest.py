"""Ingestion over HTTP on the memory log, for the tests of its edge."""

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
from penstock.bus.memory.log import MemoryLog, MemoryReader, MemorySink
from penstock.bus.ports import RecordBatch, TopicPartition
from penstock.bus.publisher import Publisher
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.streams import StreamDeclared
from penstock.ingestion.answer_cache import Answers
from penstock.ingestion.limits import Limits
from penstock.ingestion.settings import IngestionSettings
from penstock.ingestion.wiring import build
from penstock.runtime.service import Resources
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


class Sink(MemorySink):
    """A sink whose broker may be away, silent, or sparing of space."""

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self._of = log

    async def send(self, records: Sequence[RecordBatch]) -> Awaitable[None]:
        self._of.writes.append(sum(len(run.values) for run in records))
        self._of.asked.set()
        match self._of.mood:
            case "away":
                raise BrokerUnavailable("the broker is away")
            case "sparing" if any(b"large" in (value or b"") for run in records for value in run.values):
                raise RecordTooLarge("the record is larger than the log takes")
            case "silent":
                self._of.silence = asyncio.get_running_loop().create_future()
                return self._of.silence
        return await super().send(records)


class Log(MemoryLog):
    """A log whose broker's mood can be set; while it is silent, `silence` is what a writer waits for."""

    mood = "well"
    silence: asyncio.Future[None]

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.writes: list[int] = []
        self.readers = 0
        self.asked = asyncio.Event()

    async def sink(self) -> Sink:
        return Sink(self)

    async def reader(self, starts: Mapping[TopicPartition, int | None]) -> MemoryReader:
        self.readers += 1
        return await super().reader(starts)


@dataclass
class Edge:
    """Ingestion over HTTP on the memory log."""

    client: httpx.AsyncClient
    app: Any
    log: Log
    clock: VirtualClock
    resources: Resources
    answers: Answers

    async def post(self, path: str, body: Any, headers: dict[str, str] = JSON) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(path, content=content, headers=headers)

    def received(self) -> list[tuple[bytes | None, Any]]:
        places = self.log.places_of("penstock.loans.received")
        return [(r.key, json.loads(r.value or b"null")) for place in places for r in self.log.held(place)]


@asynccontextmanager
async def opened(
    limits: Limits = LIMITS, caught_up: bool = True, answers: Answers | None = None, **changes: Any
) -> AsyncIterator[Edge]:
    process = SingleProcess(VirtualClock(NOW))
    log = Log(process.clock)
    resources = process.resources()
    publisher = Publisher(log, process.namespace, resources.streams)
    resources = replace(resources, log=log, publisher=publisher, **changes)
    stream = StreamDeclared(
        source="t", id="d", time=datetime(2026, 1, 1, tzinfo=UTC), version=1, declaration=parse_declaration(LOANS)
    )
    await log.create([*control_topics("penstock"), *stream_topics("penstock", stream)])
    resources.streams.apply(stream)
    answers = answers or Answers()
    service = build(IngestionSettings(), resources, limits, answers)
    for task in service.tasks if caught_up else ():
        await task()
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)  # type: ignore[arg-type]
    assert service.app is not None
    async with (
        service.app.router.lifespan_context(service.app),
        httpx.AsyncClient(transport=transport, base_url="http://edge") as client,
    ):
        yield Edge(client, service.app, log, process.clock, resources, answers)


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with opened() as it:
        yield it


def event(event_id: Any = "a", **data: Any) -> dict[str, Any]:
    return {"id": event_id, "data": {"customer": "c1", "amount": 1.5} | data}


def cloud_event(event_id: str = "a", **attributes: Any) -> dict[str, Any]:
    whole = {"specversion": "1.0", "type": "penstock.event.v1", "source": "till", "time": "2026-01-01T00:00:00Z"}
    return {**whole, **event(event_id), **attributes}


def raw(text: str) -> bytes:
    """A shorthand event whose amount is spelled so."""
    return b'{"id": "a", "data": {"customer": "c1", "amount": %s}}' % text.encode("utf-8")
