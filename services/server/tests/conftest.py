"""A deployment in one process: a stream, its models and the server's two kinds of child."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from penstock.artifacts import MemoryStore, Seal, Signer, Store, Verifier, generate_key_pair
from penstock.bus.alert_queue import AlertQueue
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.batch import Headers, Outputs, output
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.models import ModelEpoch, ModelVersion, subject_of
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import EVENTS, MODELS, OUTCOMES, PREDICTIONS, STREAMS, Topic
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.models.baseline import baseline
from penstock.ml.models.families import fit
from penstock.ml.models.model import Model
from penstock.ml.models.training_data import TrainingData
from penstock.ml.package.model_package import pack
from penstock.runtime.service import Resources, Service
from penstock.runtime.single_process import SingleProcess, VirtualClock
from penstock.server.learning.outcome_follower import OutcomeFollower
from penstock.server.models.arm_loader import ArmLoader
from penstock.server.models.epochs import Epochs
from penstock.server.models.local_copy import LocalModelCopies
from penstock.server.models.manager import PATIENCE, ModelManager
from penstock.server.models.model_loader import ModelLoader
from penstock.server.settings import HttpSettings, StreamSettings
from penstock.server.wiring import build_http, build_stream
from penstock.telemetry import memory_telemetry

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TOML = """
[stream]
name = "loans"
task = "binary"
entity = "person"
partitions = 2
[label]
name = "defaulted"
classes = ["no", "yes"]
[fields]
person = { type = "category", feature = false, missing = "refuse" }
income = { type = "number", min = 0, outside = "refuse" }
region = { type = "category" }
"""
NO_HEADERS: Mapping[int, Headers] = {}
FIELDS = (Field("income", "number"), Field("region", "category"))


def declared(version: int = 1, more: str = "") -> StreamDeclared:
    """The stream of these tests; `more` is added to its file."""
    return StreamDeclared(
        source="penstock/registry",
        id=f"loans-{version}",
        time=NOW,
        version=version,
        declaration=parse_declaration(TOML + more),
    )


@cache
def trained(threshold: float = 50.0, fields: tuple[Field, ...] = FIELDS) -> tuple[Model, Frame]:
    """A real model that answers yes below `threshold`, and rows that it can be checked on."""
    incomes = np.linspace(0, 100, 200)
    columns: dict[str, Any] = {"income": incomes, "age": incomes, "region": column("category", ["n", "s"] * 100)}
    frame = Frame({f.name: columns[f.name] for f in fields}, times(["2026-01-01"] * 200))
    labels = ["yes" if income < threshold else "no" for income in incomes]
    return fit("linear", TrainingData(frame, labels, fields, "binary", classes=["no", "yes"])), frame


def event(number: int, income: float | None = 10.0, **more: Any) -> dict[str, Any]:
    """An event as a client may send it."""
    data = {"person": f"p{number % 7}", "income": income, "region": "n"}
    return {"id": f"e{number}", "source": "test", "time": "2026-01-31T12:00:00Z", "data": data, **more}


@dataclass
class FakeRegistry:
    """Stands in for the registry: packs models, signs them, puts them into a store, and makes records of epochs."""

    signer: Signer
    verifier: Verifier
    store: Any
    trained = staticmethod(trained)
    declared = staticmethod(declared)
    event = staticmethod(event)
    declaration = parse_declaration(TOML)

    def with_untrusted_key(self) -> FakeRegistry:
        """One with the same store, but a key that is not trusted."""
        return FakeRegistry(Signer(Ed25519PrivateKey.generate()), self.verifier, self.store)

    def loader(self, copies: LocalModelCopies) -> ModelLoader:
        """A loader over the store that saves copies."""
        return ModelLoader(self.store, self.verifier, copies)

    def epoch(self, number: int, model: Model | None = None, rows: Frame | None = None, **changes: Any) -> ModelEpoch:
        """The record of an epoch, whose champion is packed, stored and signed; by default the baseline."""
        model = model or baseline("binary", ["no", "yes"], {"no": 1}, FIELDS)
        rows = rows if rows is not None else Frame({f.name: column(f.kind, []) for f in FIELDS}, times([]))
        return self.epoch_of(number, pack(model, rows), model.family, **changes)

    def epoch_of(self, number: int, artifact: bytes, family: str = "linear", **changes: Any) -> ModelEpoch:
        """The record of an epoch whose champion's artifact is these bytes; `changes` are made to its version."""
        run = f"run-{number}" if number else None
        digest = self.store.put(artifact)
        version = ModelVersion(
            name="loans",
            version=number,
            family=family,
            digest=digest,
            envelope=dict(self.signer.sign(subject_of("loans", run), digest, "model", {})),
            run=run,
            schema_version=1,
        ).model_copy(update=changes)
        return ModelEpoch(
            source="penstock/registry",
            id=f"epoch-{number}",
            time=NOW,
            stream="loans",
            epoch=number,
            champion=version,
            reason="promotion" if number else "baseline",
        )


@pytest.fixture
def registry(tmp_path: Path) -> FakeRegistry:
    """A registry with an empty store."""
    return new_fake_registry(tmp_path, MemoryStore())


@pytest.fixture(scope="session")
def new_registry() -> Callable[[Path, Store], FakeRegistry]:
    """Makes registries over stores."""
    return new_fake_registry


def new_fake_registry(folder: Path, store: Store) -> FakeRegistry:
    """A registry with keys of its own, which are written to `folder`."""
    generate_key_pair(folder / "signing.pem", folder / "trusted.pem")
    return FakeRegistry(Signer.from_file(folder / "signing.pem"), Verifier.from_file(folder / "trusted.pem"), store)


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 (several things are waited for)
            await asyncio.sleep(0.001)


class Deployment:
    """Both kinds of child in one process, and what a test sees of them."""

    seal = Seal(bytes(32))
    declared = staticmethod(declared)
    event = staticmethod(event)
    eventually = staticmethod(eventually)

    def __init__(self, registry: FakeRegistry) -> None:
        self.loader = ModelLoader(registry.store, registry.verifier)
        self._http_process = SingleProcess(VirtualClock(int(NOW.timestamp() * 1000)), telemetry=memory_telemetry()[0])
        self._stream_process = SingleProcess(self._http_process.clock)
        self.log = self._stream_process.log = self._http_process.log
        self.telemetry = self._http_process.telemetry
        self.stream: Service | None = None
        self.http: Service | None = None
        self._other_services = self._http_process.resources()

    async def start(self) -> None:
        """Declare the stream and start both children."""
        stream = declared()
        self._other_services.streams.apply(stream)
        await self.log.create([*control_topics("penstock"), *stream_topics("penstock", stream)])
        await self.publish(STREAMS, stream)
        await self._stream_process.start(self._build_stream)
        await self._http_process.start(self._build_http)
        assert self.http is not None
        self._task = asyncio.ensure_future(self.http.tasks[0]())

    async def close(self) -> None:
        """Stop."""
        self._task.cancel()
        await self._stream_process.close()
        await self._http_process.close()

    async def run_until_quiet(self) -> None:
        """Step both children until there is nothing left to do."""
        await self._http_process.run_until_quiet()
        await self._stream_process.run_until_quiet()

    def _build_stream(self, resources: Resources) -> Service:
        self.stream = build_stream(StreamSettings(), resources, self.loader)
        return self.stream

    def _build_http(self, resources: Resources) -> Service:
        self._http_resources = resources
        self.http = build_http(HttpSettings(), resources, self.loader, self.seal)
        return self.http

    async def publish(self, topic: Topic[Any], record: Any) -> None:
        """Put a control record on the log."""
        await self._other_services.publisher.publish([output(topic, record)])

    async def serve_epoch(self, record: ModelEpoch) -> None:
        """Publish an epoch, and wait until the http child has it in force or has refused its champion.

        The stream child's task does not run here: its handler alone sees to it that no event is answered too early.
        """
        await self.publish_epoch(record)
        await eventually(lambda: record.epoch in (self.epoch_of_http(), self.epoch_refused_by_http()))

    async def publish_epoch(self, record: ModelEpoch) -> None:
        """Publish an epoch, and have both children read it."""
        await self.publish(MODELS, record)
        await self.run_until_quiet()

    def save_copies_in(self, copies: LocalModelCopies) -> None:
        """Have children that are started from now on save copies of their models."""
        self.loader = replace(self.loader, local_copies=copies)

    async def retry_stream(self) -> None:
        """Let the stream child's task run until it waits for no model any more."""
        assert self.stream is not None
        task = asyncio.ensure_future(self.stream.tasks[0]())
        await eventually(lambda: not self.health()[0]["waiting"])
        task.cancel()

    async def restart_stream(self) -> None:
        """A new stream child in place of the old one."""
        await self._stream_process.close()
        self._stream_process = SingleProcess(self._http_process.clock)
        self._stream_process.log = self.log
        await self._stream_process.start(self._build_stream)

    def new_manager(self, loader: ArmLoader, patience: float | None = PATIENCE) -> tuple[ModelManager, list[Alert]]:
        """A model manager without a child around it, and the list of the alerts that it publishes."""
        alerts: list[Alert] = []

        async def publish(alert: Alert) -> None:
            alerts.append(alert)

        streams, epochs = Streams(), Epochs()
        streams.apply(declared())
        outcomes = OutcomeFollower(self.log, "penstock", streams, epochs.learners)
        manager = ModelManager(epochs, loader, streams, outcomes, AlertQueue(publish), lambda *_: None, patience)
        return manager, alerts

    def break_log(self, error: Exception) -> None:
        """Have the log refuse to be written from now on."""

        async def refuse() -> Any:
            raise error

        self.log.sink = refuse

    def metrics_of_http(self) -> bytes:
        """The metrics that the http child exposes to Prometheus."""
        return self._http_resources.metrics.exposition()[0]

    def epoch_of_http(self) -> int | None:
        """The epoch in force in the http child."""
        return self.health()[1]["epochs"].get("loans")

    def epoch_refused_by_http(self) -> int | None:
        """The epoch whose champion the http child refuses."""
        return self.health()[1]["refused"].get("loans", {}).get("epoch")

    async def publish_events(self, events: list[dict[str, Any]], headers: Mapping[int, Headers] = NO_HEADERS) -> None:
        """Put events on the log as the validator would; `headers` by index."""
        records = [
            json.dumps({"specversion": "1.0", "type": "penstock.event.v1", **event}).encode() for event in events
        ]
        keys = [event["data"]["person"].encode() for event in events]
        await self._other_services.publisher.publish([Outputs(EVENTS, "loans", records, keys, headers=headers)])

    async def publish_outcomes(self, outcomes: list[Any]) -> None:
        """Put outcomes on the log as the drift-detector would, and have both children read them."""
        await self._other_services.publisher.publish([Outputs(OUTCOMES, "loans", outcomes, [b""] * len(outcomes))])
        await self.run_until_quiet()

    def predictions(self) -> list[Prediction]:
        """All predictions on the log, partition by partition."""
        return self.records(PREDICTIONS, "loans")

    def records(self, topic: Topic[Any], stream: str | None = None) -> list[Any]:
        """All records of a topic, decoded."""
        name = topic.name("penstock", stream)
        raw = [record for partition in self.log.partitions_of(name) for record in self.log.records_of(partition)]
        return topic.decoder(declared() if stream else None)(raw)

    def health(self) -> list[dict[str, Any]]:
        """The health of the children, the stream child's first."""
        assert self.stream is not None
        assert self.http is not None
        return [self.stream.health(), self.http.health()]

    def client(self) -> httpx.AsyncClient:
        """A client of the http child."""
        assert self.http is not None
        assert self.http.app is not None
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.http.app), base_url="http://server")


@pytest.fixture
async def deployment(
    registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Deployment]:
    """Both children, with a stream and no model yet."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    deployment = Deployment(registry)
    await deployment.start()
    yield deployment
    await deployment.close()
