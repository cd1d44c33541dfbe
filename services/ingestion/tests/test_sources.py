"""The sources of all streams in one ingestion: each by itself, seen in health, and told of when one is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import NewTopic, RecordBatch
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.topics import RECEIVED, REJECTED
from penstock.ingestion.sources.sources import Sources
from penstock.runtime.log_writer import LogWriter, WriteLimits
from penstock.runtime.service import Resources
from penstock.runtime.single_process import SingleProcess, VirtualClock
from tests.staging.schema_registry_fake import RegistryFake

from .source_site import LOANS, NOW, declared

HALF_A_MINUTE = 30_000
POWER = LOANS.replace('name = "loans"', 'name = "power"')
SOURCE = '[source.{name}]\nkafka = "{topic}"\n'
ELSEWHERE = '[source.far]\nkafka = "far"\nservers = "far:9092"\n'


@dataclass
class Site:
    """Ingestion's sources on the memory log, and another cluster."""

    process: SingleProcess = field(default_factory=lambda: SingleProcess(VirtualClock(NOW)))
    other: MemoryLog = field(default_factory=lambda: MemoryLog(VirtualClock(NOW)))
    opened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.resources: Resources = self.process.resources()
        received, rejected = (
            LogWriter(self.resources.publisher, topic, WriteLimits()) for topic in (RECEIVED, REJECTED)
        )
        self.registry = RegistryFake()
        http = httpx.AsyncClient(transport=httpx.ASGITransport(self.registry.app))
        self.sources = Sources(self.resources, received, rejected, self.open_log, http)

    def open_log(self, servers: str) -> MemoryLog:
        self.opened.append(servers)
        return self.other

    async def declare(self, *sources: str, text: str = LOANS, version: int = 1) -> None:
        stream = declared(*sources, text=text, version=version)
        await self.process.log.create([*control_topics("penstock"), *stream_topics("penstock", stream)])
        self.resources.streams.apply(stream)

    async def send(self, topic: str, *values: Any, log: MemoryLog | None = None) -> None:
        await self.send_bytes(topic, *(json.dumps(value).encode() for value in values), log=log)

    async def send_bytes(self, topic: str, *values: bytes, log: MemoryLog | None = None) -> None:
        log = log or self.process.log
        await log.create([NewTopic(topic, 1)])
        log.append([RecordBatch(topic, 0, [None] * len(values), values)])

    def values(self, topic: str) -> list[Any]:
        log = self.process.log
        return [json.loads(r.value or b"") for key in log.partitions_of(topic) for r in log.records_of(key)]

    def received(self, stream: str) -> list[float]:
        return sorted(event["data"]["amount"] for event in self.values(f"penstock.{stream}.received"))

    def facts(self, source: str) -> dict[str, int]:
        facts: dict[str, int] = self.sources.health().get("sources", {}).get(source, {})
        return facts

    def alerts(self) -> list[tuple[str, str]]:
        return [(alert["data"]["key"], alert["data"]["state"]) for alert in self.values("penstock.alerts")]


@asynccontextmanager
async def open_site() -> AsyncIterator[Site]:
    site = Site()
    task = asyncio.create_task(site.sources.run())
    yield site
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the memory bus has no event for it
            await asyncio.sleep(0.005)


async def test_what_a_topic_holds_is_received_and_counted_in_health() -> None:
    async with open_site() as site:
        await site.send("app", {"amount": 1}, {"amount": 2}, "nonsense")
        await site.declare(SOURCE.format(name="app", topic="app"))
        await eventually(
            lambda: site.sources.health() == {"sources": {"loans/app": {"read": 3, "rejected": 1, "lag": 0}}}
        )
        assert site.received("loans") == [1, 2]
        assert [rejection["data"]["code"] for rejection in site.values("penstock.loans.rejected")] == ["wrong_type"]
        assert site.sources.failures() == {}


async def test_a_source_that_is_away_is_told_of_and_stops_no_other() -> None:
    async with open_site() as site:
        await site.declare(ELSEWHERE)
        site.other.away = True
        await site.declare(SOURCE.format(name="app", topic="app"), text=POWER)
        await site.send("app", {"amount": 1})
        await eventually(lambda: site.received("power") == [1])
        assert site.sources.failures() == {"source loans/far": "the log is away"}
        assert ("source/loans/far", "firing") not in site.alerts()

        site.process.clock.advance_to(NOW + HALF_A_MINUTE)
        await eventually(lambda: ("source/loans/far", "firing") in site.alerts())

        site.other.away = False
        await site.send("far", {"amount": 9}, log=site.other)
        await eventually(lambda: site.received("loans") == [9])
        await eventually(lambda: site.alerts()[-1] == ("source/loans/far", "resolved"))
        assert site.sources.failures() == {}
        assert site.opened == ["far:9092"]


async def test_a_topic_that_is_not_there_is_waited_for() -> None:
    async with open_site() as site:
        await site.declare(SOURCE.format(name="app", topic="app"))
        await eventually(lambda: "there is no topic app" in site.sources.failures().get("source loans/app", ""))
        await site.send("app", {"amount": 1})
        await eventually(lambda: site.received("loans") == [1])


async def test_a_stream_is_no_source_of_itself() -> None:
    async with open_site() as site:
        await site.declare(SOURCE.format(name="app", topic="penstock.loans.received"))
        await eventually(lambda: "write to itself" in site.sources.failures().get("source loans/app", ""))


async def test_a_new_declaration_is_followed_from_where_the_earlier_one_was() -> None:
    async with open_site() as site:
        await site.send("app", {"amount": 1, "sum": 10})
        await site.declare(SOURCE.format(name="app", topic="app"))
        await eventually(lambda: site.received("loans") == [1])
        await site.declare(SOURCE.format(name="app", topic="app"), 'fields.amount = "sum"\n', version=2)
        await eventually(lambda: site.facts("loans/app").get("read") == 0)
        await site.send("app", {"amount": 2, "sum": 20})
        await eventually(lambda: site.received("loans") == [1, 20])
        await site.declare(version=3)
        await eventually(lambda: site.sources.health() == {})


async def test_what_retention_took_before_it_was_read_is_told() -> None:
    async with open_site() as site:
        await site.send("app", *({"amount": number} for number in range(5)))
        await site.declare(SOURCE.format(name="app", topic="app"))
        await eventually(lambda: len(site.received("loans")) == 5)
        await site.declare(version=2)
        await eventually(lambda: site.sources.health() == {})
        await site.send("app", *({"amount": number} for number in range(5, 9)))
        site.process.log.expire(("app", 0), 7)
        await site.declare(SOURCE.format(name="app", topic="app"), version=3)
        await eventually(lambda: site.received("loans") == [0, 1, 2, 3, 4, 7, 8])
        await eventually(lambda: "gap/loans/penstock.loans.source.app/app/0" in dict(site.alerts()))


async def test_the_name_of_the_source_is_that_of_its_events() -> None:
    async with open_site() as site:
        await site.send("app", {"amount": 1})
        await site.declare(SOURCE.format(name="till", topic="app"))
        await eventually(lambda: site.received("loans") == [1])
        assert [event["source"] for event in site.values("penstock.loans.received")] == ["till"]


async def test_messages_wait_for_a_registry_that_is_away_and_none_is_lost() -> None:
    async with open_site() as site:
        site.registry.away = True
        await site.declare(SOURCE.format(name="app", topic="app"), 'schema_registry = "http://registry"\n')
        await site.send_bytes("app", b"\x00\x00\x00\x00\x01" + b'{"amount": 5}')
        await eventually(lambda: "the schema registry" in site.sources.failures().get("source loans/app", ""))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(site.registry.app), base_url="http://registry"
        ) as http:
            await http.post("/subjects/app-value/versions", json={"schema": "{}", "schemaType": "JSON"})
        site.registry.away = False
        await eventually(lambda: site.received("loans") == [5])
        assert site.values("penstock.loans.rejected") == []
