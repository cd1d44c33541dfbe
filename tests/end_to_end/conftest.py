"""One real deployment for all tests of this folder: a broker, the ten services, and a collector of their spans."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.ports import TopicPartition
from penstock.console.declared_streams import await_declared
from penstock.console.demo.demo import demo_declaration
from penstock.console.deployment import Deployment, running_deployment
from penstock.console.home import Home
from penstock.console.plan.plan_builder import StartOptions
from penstock.console.replay.live_deployment import LiveDeployment, live_deployment
from penstock.console.services_client import open_services
from penstock.console.supervision.lifecycle import running
from penstock.console.supervision.log_files import last_lines
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import Topic
from penstock.telemetry.otlp_collector import OtlpCollector


@dataclass(frozen=True)
class Site:
    """A deployment's home, and the collector of its spans."""

    home: Home
    spans: OtlpCollector

    @property
    def record(self) -> Deployment:
        """What runs now."""
        return running_deployment(self.home)

    @asynccontextmanager
    async def log(self) -> AsyncIterator[KafkaLog]:
        """A connection to the log."""
        log = KafkaLog(Connection(self.record.bootstrap), self.record.namespace, "tests")
        try:
            yield log
        finally:
            await log.close()

    async def declare(self, declaration: Declaration) -> StreamDeclared:
        """Declare a stream, and wait until it is on the log."""
        async with open_services(self.record) as services:
            await services.declare(declaration.name, declaration.model_dump_json())
        async with self.log() as log:
            return await await_declared(log, self.record.namespace, declaration.name)

    @asynccontextmanager
    async def stream(self, name: str) -> AsyncIterator[LiveDeployment]:
        """Declare a stream of loan applications, and connect to it."""
        declared = await self.declare(demo_declaration().model_copy(update={"name": name}))
        async with self.connected(declared) as deployment:
            yield deployment

    @asynccontextmanager
    async def connected(self, declared: StreamDeclared) -> AsyncIterator[LiveDeployment]:
        """Connect to the deployment as a client of the stream, once the stream is quiet."""
        async with live_deployment(self.record, declared) as deployment:
            await deployment.await_quiet()
            yield deployment

    async def records(self, topic: Topic[Any], stream: StreamDeclared) -> list[tuple[Any, bytes]]:
        """Every record of a stream's topic with its bytes, one partition after the other."""
        name = topic.name(self.record.namespace, stream.name)
        decode = topic.decoder(stream)
        starts: dict[TopicPartition, int | None] = {(name, number): 0 for number in range(topic.partitions(stream))}
        async with self.log() as log:
            reader = await log.reader(starts)
            batches = await reader.read_to_end()
            await reader.close()
        raw_records = [record for batch in batches for record in batch.records]
        return [(record, raw.value or b"") for record, raw in zip(decode(raw_records), raw_records, strict=True)]


SITE = pytest.StashKey[Site]()
LINES = 40  # of each log that a failure shows


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failure what the deployment's processes were doing, and the ends of their logs."""
    report = yield
    site = item.session.stash.get(SITE, None)
    if report.failed and report.when == "call" and site is not None:
        deployment = Deployment.read(site.home)
        processes = deployment.processes if deployment is not None else {}
        states = {name: process.state.value for name, process in processes.items()}
        report.sections.append(("deployment", str(states)))
        for path in sorted(site.home.logs.glob("*.log")):
            report.sections.append((path.name, "\n".join(last_lines(path, LINES))))
    return report


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The deployment, stopped at the end."""
    home = Home(tmp_path_factory.mktemp("site") / "a home, h\u00f6me\\n")
    with OtlpCollector() as collector:
        tracing = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in tracing.items():
                patch.setenv(name, value)
            deployment = running(home, StartOptions(environment=dict(os.environ)))
            deployment.__enter__()
        try:
            request.session.stash[SITE] = site = Site(home, collector)
            yield site
        finally:
            deployment.__exit__(None, None, None)
