"""The services that a client talks to, in one process on the memory log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from penstock.artifacts import MemoryStore, Seal, Signer, Verifier
from penstock.client import AsyncPenstock
from penstock.drift_detector import wiring as drift_detector
from penstock.drift_detector.settings import DriftDetectorSettings
from penstock.ingestion import wiring as ingestion
from penstock.ingestion.settings import IngestionSettings
from penstock.registry import wiring as registry
from penstock.registry.addresses import Addresses
from penstock.registry.db.engines import open_engine
from penstock.runtime.service import Resources, Service
from penstock.runtime.single_process import SingleProcess, VirtualClock
from penstock.server import wiring as server
from penstock.server.models.model_loader import ModelLoader
from penstock.server.settings import HttpSettings, StreamSettings
from penstock.validator import wiring as validator
from penstock.validator.settings import ValidatorSettings

NOW = 1_767_225_600_000  # 2026-01-01T00:00Z
ADDRESSES = Addresses("penstock", ":9092", "", "", {"ingestion": "http://ingestion", "server": "http://server"})
LOANS = """
[stream]
name = "loans"
task = "binary"
entity = "customer"
partitions = 2
[label]
name = "defaulted"
classes = ["no", "yes"]
prior = { no = 3, yes = 1 }
[fields]
customer = { type = "category", feature = false, missing = "refuse" }
amount = { type = "number", min = 0, outside = "refuse" }
terms = { type = "integer" }
region = { type = "category" }
returning = { type = "boolean" }
"""


@dataclass
class AppTransport(httpx.AsyncBaseTransport):
    """Carries requests to apps by the host's name. `faults` are what the next requests meet in place of an app."""

    apps: dict[str, httpx.ASGITransport]
    requests: list[tuple[httpx.Request, bytes]] = field(default_factory=list)
    faults: list[httpx.Response | Exception] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((request, await request.aread()))
        if self.faults and request.method == "POST":
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            return fault
        return await self.apps[request.url.host].handle_async_request(request)


@dataclass
class Site:
    """The services, and what a test sees of them."""

    process: SingleProcess
    transport: AppTransport

    def client(self, **options: Any) -> AsyncPenstock:
        return AsyncPenstock("http://registry", transport=self.transport, **options)

    def records(self, topic: str) -> list[dict[str, Any]]:
        """The records of a topic of the stream, in the order of their partitions."""
        log = self.process.log
        raw = [record for key in log.partitions_of(f"penstock.loans.{topic}") for record in log.records_of(key)]
        return [json.loads(record.value or b"null") for record in raw]

    def data(self, topic: str = "received") -> dict[str, dict[str, Any]]:
        """The data of the stream's events by their ids."""
        return {record["id"]: record["data"] for record in self.records(topic)}

    def posted(self) -> list[tuple[str, bytes]]:
        """The path and the body of each POST."""
        return [(request.url.path, body) for request, body in self.transport.requests if request.method == "POST"]


@asynccontextmanager
async def open_site() -> AsyncIterator[Site]:
    """Registry, validator, server, drift-detector and ingestion; they run by themselves."""
    process = SingleProcess(VirtualClock(NOW))
    key = Ed25519PrivateKey.generate()
    store, signer, verifier = MemoryStore(), Signer(key), Verifier([key.public_key()])
    models = ModelLoader(store, verifier)
    resources = process.resources()
    parts = registry.Parts(store, signer, verifier, open_engine("sqlite://"))
    registry_service = registry.service_of(registry.registry_of(parts, resources), ADDRESSES, resources)
    await process.add(resources, registry_service)
    await process.start(lambda r: validator.build(ValidatorSettings(), r))
    await process.start(lambda r: server.build_stream(StreamSettings(), r, models))
    await process.start(lambda r: drift_detector.build(DriftDetectorSettings(), r, store))
    http = await process.start(lambda r: server.build_http(HttpSettings(), r, models, Seal(bytes(32))))
    intake = await process.start(_ingestion)
    tasks = [asyncio.ensure_future(task()) for task in http.tasks]
    tasks.append(asyncio.ensure_future(_run(process)))
    apps = {"registry": registry_service.app, "server": http.app, "ingestion": intake.app}
    try:
        yield Site(process, AppTransport({name: httpx.ASGITransport(app) for name, app in apps.items() if app}))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await process.close()


def _ingestion(resources: Resources) -> Service:
    return ingestion.build(IngestionSettings(), resources)


async def _run(process: SingleProcess) -> None:
    while True:
        await process.run_until_quiet()
        await asyncio.sleep(0.001)


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """The services, with the stream `loans` declared."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    async with open_site() as opened:
        async with opened.client() as client:
            await client.apply(LOANS)
        yield opened
