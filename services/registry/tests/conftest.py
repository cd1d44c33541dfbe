"""Registries on every database that this machine has, and records for them to handle."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, NullPool, create_engine, text
from starlette.applications import Starlette

from penstock.artifacts import MemoryStore, Signer, Verifier, generate_key_pair
from penstock.bus.ports import RecordBatch
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.models import subject_of
from penstock.contracts.records.training import Candidate, Dataset, Evaluation, Score, TrainingRequest, TrainingRun
from penstock.contracts.topics import Topic
from penstock.registry.addresses import Addresses
from penstock.registry.baseline_model import PREDICATE
from penstock.registry.db.engines import open_engine
from penstock.registry.use_cases.registry import Registry
from penstock.registry.wiring import Parts, registry_of, service_of
from penstock.runtime.single_process import SingleProcess, VirtualClock
from penstock.telemetry.setup import Telemetry

LOANS = """
[stream]
name = "loans"
task = "binary"
entity = "customer"

[label]
name = "defaulted"
classes = ["no", "yes"]
prior = { no = 3, yes = 1 }

[fields]
customer = { type = "category", feature = false }
amount = { type = "number", min = 0 }

[gates]
margin = 0.01
"""
DECLARATION = parse_declaration(LOANS)
START = datetime(2024, 5, 1, tzinfo=UTC)
ADDRESSES = Addresses("penstock", ":9092", "s3://models", "PEM", {"server": ":8020", "console": "https://c.example/"})

POSTGRES_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
DATABASES = ("sqlite", *(("postgresql",) if POSTGRES_BINARIES and shutil.which("setpriv") else ()))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A private PostgreSQL server, on a socket in a folder of its own; gives the URL of its database."""
    binaries = POSTGRES_BINARIES[-1].parent
    folder = Path("/tmp") / f"penstock-{uuid.uuid4().hex[:8]}"  # a socket's path is at most 107 bytes long
    folder.mkdir(mode=0o700)
    as_owner: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        owner = pwd.getpwnam("nobody")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    data = str(folder / "data")
    subprocess.run([*as_owner, binaries / "initdb", "-D", data, "-U", "penstock", "--no-sync"], check=True, cwd=folder)
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    control = [*as_owner, binaries / "pg_ctl", "-D", data, "-w", "-s"]
    subprocess.run([*control, "-o", options, "-l", str(folder / "log"), "start"], check=True, cwd=folder)
    try:
        yield f"postgresql://penstock@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd=folder)
        shutil.rmtree(folder)


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'registry.db'}"
    url: str = request.getfixturevalue("postgresql")
    admin = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    with admin.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on an empty database."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@dataclass
class Deployment:
    """A registry in one process, with its parts, its artifact store and an HTTP client."""

    process: SingleProcess
    parts: Parts
    store: MemoryStore
    registry: Registry
    app: Starlette
    client: httpx.AsyncClient
    text: str = LOANS
    declaration: Declaration = DECLARATION

    async def send(self, topic: Topic[object], record: ControlRecord) -> None:
        """Put a record on the log and let the registry handle it."""
        self.process.log.append([RecordBatch.single(topic.name("penstock"), 0, b"loans", record.to_json())])
        await self.process.run_until_quiet()

    def published(self, topic: Topic[object]) -> list[object]:
        """The records that are on a topic now."""
        raw = self.process.log.records_of((topic.name("penstock"), 0))
        records: list[object] = topic.decoder(None)(raw)
        return records

    def request(self, fence: int) -> TrainingRequest:
        """The stream's training request of that fence."""
        fields = {"source": "penstock/retrain-trigger", "id": f"request-{fence}", "time": START, "stream": "loans"}
        return TrainingRequest.model_validate({**fields, "fence": fence, "reason": "drift", "until": 1000})

    def run(self, number: int, gain: float = 0.1, **changes: object) -> TrainingRun:
        """A finished run of the request `number`, with its model in the store."""
        digest = self.store.put(f"model {number}".encode())
        request = f"request-{number}"
        envelope = self.parts.signer.sign(subject_of("loans", request), digest, PREDICATE, {})
        score = Score(value=0.7, low=0.6, high=0.8, rows=200)
        fields = {
            "source": "penstock/trainer",
            "id": f"run-{number}",
            "time": START,
            "stream": "loans",
            "request": request,
            "fence": number,
            "status": "finished",
            "reason": "drift",
            "until": 1000,
            "dataset": Dataset(segments=(), schema_version=1, rows=1000),
            "evaluation": Evaluation(
                metric="accuracy",
                candidate=score.model_copy(update={"value": 0.7 + gain}),
                champion=score,
                baseline=score,
                gain=score.model_copy(update={"value": gain}),
            ),
            "candidate": Candidate(family="linear", digest=digest, profile=digest, envelope=dict(envelope), size=7),
        }
        return TrainingRun.model_validate({**fields, **changes})


@asynccontextmanager
async def deployed(parts: Parts, telemetry: Telemetry | None = None) -> AsyncIterator[Deployment]:
    """A registry that is running, with nothing applied."""
    clock = VirtualClock(int(START.timestamp() * 1000))
    process = SingleProcess(clock, telemetry=telemetry) if telemetry else SingleProcess(clock)
    resources = process.resources()
    registry = registry_of(parts, resources)
    service = service_of(registry, ADDRESSES, resources)
    await process.add(resources, service)
    assert service.app is not None
    assert isinstance(parts.store, MemoryStore)
    transport = httpx.ASGITransport(app=service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://registry") as client:
        yield Deployment(process, parts, parts.store, registry, service.app, client)
    await process.close()


@pytest.fixture(scope="session")
def deploy() -> Callable[..., AbstractAsyncContextManager[Deployment]]:
    """`deployed`, for tests with parts of their own."""
    return deployed


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A pair of keys: private, public."""
    folder = tmp_path_factory.mktemp("keys")
    generate_key_pair(folder / "private.pem", folder / "public.pem")
    return folder / "private.pem", folder / "public.pem"


@pytest.fixture
def parts(keys: tuple[Path, Path], engine: Engine) -> Parts:
    """The parts of a registry on an empty database."""
    return Parts(MemoryStore(), Signer.from_file(keys[0]), Verifier.from_file(keys[1]), engine)


@pytest.fixture
async def deployment(parts: Parts) -> AsyncIterator[Deployment]:
    """A registry that is running, with nothing applied."""
    async with deployed(parts) as running:
        yield running


@pytest.fixture
async def loans(deployment: Deployment) -> Deployment:
    """A registry with the stream `loans` applied."""
    await deployment.registry.apply(DECLARATION)
    return deployment
