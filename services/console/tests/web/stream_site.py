"""A console before a validator, ingestion and a registry, all in this process, for one stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import unescape
from re import search, sub
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from penstock.artifacts import MemoryStore, Signer, Verifier
from penstock.bus.follower import TopicFollower
from penstock.bus.ports import RecordBatch
from penstock.console.services_client import ServicesClient
from penstock.console.web.app import console_app
from penstock.console.web.live.answer_rates import AnswerRates
from penstock.console.web.live.deployment_history import FOLLOWED, DeploymentHistory
from penstock.console.web.live.live_feed import LiveFeed
from penstock.console.web.registry_reader import RegistryReader
from penstock.console.web.service_probe import ServiceProbe
from penstock.console.web.sources import Sources, recent_lags, recent_services
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.partitioner import partition_of
from penstock.contracts.records.models import subject_of
from penstock.contracts.records.streams import Streams
from penstock.contracts.records.training import Candidate, Dataset, Evaluation, Score, TrainingRequest, TrainingRun
from penstock.contracts.topics import AUDIT, RECEIVED, TRAINING_REQUESTS, TRAINING_RUNS
from penstock.ingestion import wiring as ingestion
from penstock.ingestion.settings import IngestionSettings
from penstock.registry import wiring as registry
from penstock.registry.addresses import Addresses
from penstock.registry.baseline_model import PREDICATE
from penstock.registry.db.engines import open_engine
from penstock.runtime.single_process import SingleProcess
from penstock.validator import wiring as validator
from penstock.validator.settings import ValidatorSettings

ORIGIN = "http://localhost"
START = datetime(2026, 5, 1, 12, tzinfo=UTC)
LOANS = """
[stream]
name = "loans-2"
task = "binary"
entity = "customer"

[label]
name = "defaulted"
classes = ["no", "yes"]

[fields]
customer = { type = "category", feature = false }
amount = { type = "number", min = 0, outside = "refuse" }
"""
DECLARATION = parse_declaration(LOANS)
STREAM = DECLARATION.name


class Network(httpx.AsyncBaseTransport):
    """What the console sends to the services, by name of the host, and faults.

    While `is_down` nothing gets through; with `lose_answers` a command is carried out, and its answer does not come.
    `meanwhile` happens after the console has sent its next command, and before that arrives.
    """

    def __init__(self, process: SingleProcess, apps: dict[str, Any]) -> None:
        self.sent: list[httpx.Request] = []
        self.is_down = self.lose_answers = False
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self._process = process
        self._apps = {name: httpx.ASGITransport(app) for name, app in apps.items()}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_down:
            raise httpx.ConnectError("refused", request=request)
        self.sent.append(request)
        if request.method == "POST" and self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        response = await self._apps[request.url.host].handle_async_request(request)
        await self._process.run_until_quiet()
        if self.lose_answers and request.method == "POST":
            raise httpx.ReadTimeout("no answer", request=request)
        return response

    @property
    def commands(self) -> list[httpx.Request]:
        """The commands so far."""
        return [request for request in self.sent if request.method == "POST"]


class StreamSite:
    """A console, and what it stands before."""

    def __init__(self, process: SingleProcess, parts: registry.Parts, network: Network, sources: Sources) -> None:
        self.process = process
        self.network = network
        self.sources = sources
        self._parts = parts
        self._followers: list[TopicFollower[Any]] = []
        app = console_app(sources, LiveFeed(sources.history, sources.rates))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)

    async def follow(self) -> None:
        """Let the console take in what the log says now."""
        await self.process.run_until_quiet()
        if not self._followers:
            history = self.sources.history
            self._followers = [TopicFollower(self.process.log, "penstock", topic, history.apply) for topic in FOLLOWED]
            for follower in self._followers:
                await follower.start()
        for follower in self._followers:
            while await follower.step(0):
                pass

    async def train(self, number: int, gain: float = 0.1) -> None:
        """A training ends with a model, which the gates let pass if it gains."""
        digest = self._parts.store.put(f"model {number}".encode())
        request_id = f"request-{number}"
        request = TrainingRequest(
            source="penstock/retrain-trigger", id=request_id, time=START, stream=STREAM, fence=number, reason="drift",
            until=1000,
        )  # fmt: skip
        envelope = self._parts.signer.sign(subject_of(STREAM, request_id), digest, PREDICATE, {})
        score = Score(value=0.7, low=0.6, high=0.8, rows=200)
        gained = Score(value=gain, low=gain - 0.05, high=gain + 0.05, rows=200)
        run = TrainingRun(
            source="penstock/trainer", id=f"run-{number}", time=START, stream=STREAM, request=request_id, fence=number,
            status="finished", reason="drift", until=1000,
            dataset=Dataset(segments=(), schema_version=1, rows=1000),
            evaluation=Evaluation(metric="accuracy", candidate=score, champion=score, baseline=score, gain=gained),
            candidate=Candidate(family="linear", digest=digest, profile=digest, envelope=dict(envelope), size=7),
        )  # fmt: skip
        for topic, record in ((TRAINING_REQUESTS, request), (TRAINING_RUNS, run)):
            batch = RecordBatch.single(topic.name("penstock"), 0, STREAM.encode(), record.to_json())
            self.process.log.append([batch])
        await self.follow()

    async def receive(self, *values: bytes) -> None:
        """Records come to the stream past ingestion."""
        topic = RECEIVED.name("penstock", STREAM)
        partition = partition_of(b"c1", DECLARATION.partition_count)
        self.process.log.append([RecordBatch.single(topic, partition, b"c1", value) for value in values])
        await self.follow()

    async def get(self, path: str) -> httpx.Response:
        """A page below the stream's."""
        return await self.client.get(f"/streams/{STREAM}{path}")

    async def post(self, path: str, fields: dict[str, str], origin: str = ORIGIN) -> httpx.Response:
        """Send a form as a page of this origin does."""
        return await self.client.post(f"/streams/{STREAM}{path}", data=fields, headers={"origin": origin})

    async def signed(self, path: str, **changes: str) -> dict[str, str]:
        """The fields of the form that a page has, signed."""
        return hidden((await self.get(path)).text) | {"actor": "ann", "reason": "because"} | changes

    def audit(self) -> list[tuple[str, str]]:
        """What was done, and by whom."""
        raw = self.process.log.records_of((AUDIT.name("penstock"), 0))
        return [(entry.action, entry.actor) for entry in AUDIT.decoder(None)(raw)]


def hidden(html: str) -> dict[str, str]:
    """The key and the epoch that the form of a page has."""
    found = {name: search(rf'name="{name}" value="([^"]*)"', html) for name in ("key", "epoch")}
    return {name: match[1] for name, match in found.items() if match}


def words(response: httpx.Response) -> str:
    """The text of a page, without its elements."""
    return " ".join(unescape(sub(r"<[^>]*>", " ", response.text)).split())


@asynccontextmanager
async def stream_site() -> AsyncIterator[StreamSite]:
    """The services, with the stream declared and served by its baseline."""
    process = SingleProcess()
    process.clock.advance_to(int(START.timestamp() * 1000))
    key = Ed25519PrivateKey.generate()
    parts = registry.Parts(MemoryStore(), Signer(key), Verifier([key.public_key()]), open_engine("sqlite://"))
    try:
        await process.start(lambda r: validator.build(ValidatorSettings(), r))
        resources = process.resources()
        the_registry = registry.registry_of(parts, resources)
        registry_service = registry.service_of(the_registry, Addresses("", "", "", ""), resources)
        await process.add(resources, registry_service)
        ingestion_service = await process.start(lambda r: ingestion.build(IngestionSettings(), r))
        network = Network(process, {"registry": registry_service.app, "ingestion": ingestion_service.app})
        await the_registry.apply(DECLARATION)
        history = DeploymentHistory()
        sources = Sources(
            log=process.log,
            namespace="penstock",
            history=history,
            rates=AnswerRates(process.log, "penstock", Streams()),
            registry=RegistryReader("http://registry", network),
            services=recent_services(ServiceProbe({})),
            lags=recent_lags(process.log, "penstock"),
            artifacts="",
            trace_viewer="",
            repair_services=ServicesClient("http://ingestion", "http://registry", network),
        )
        site = StreamSite(process, parts, network, sources)
        await site.follow()
        yield site
        await site.client.aclose()
    finally:
        await process.close()
        parts.engine.dispose()
