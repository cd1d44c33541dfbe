"""Penstock's own processes, with the commands and settings that `penstock up` gives them and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.instruments.broker import Broker
from bench.instruments.processes import Command
from bench.workload.models import TrainedModel
from penstock.artifacts import Signer, open_store
from penstock.bus.publisher import Publisher
from penstock.bus.topics import control_topics, stream_topics
from penstock.console.home import Home, prepare
from penstock.console.local_ports import free_ports
from penstock.console.plan.keys import ensure_keys
from penstock.console.plan.service_plans import USUAL_PORTS, common_settings, service_plans, telemetry_settings
from penstock.console.process_plan import ProcessPlan
from penstock.contracts.batch import AnyOutputs, output
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import ModelEpoch, ModelVersion, subject_of
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import EVENTS, MODELS, PREDICTIONS, RECEIVED, STREAMS, Topic
from penstock.ml.package.model_package import pack
from penstock.runtime.supervision.supervised_process import ProcessSpec
from penstock.server.processes.children import child_specs
from penstock.server.settings import SupervisorSettings

RUN = "bench-1"
SOURCE = "penstock/bench"


@dataclass(frozen=True)
class Deployment:
    """A deployment on the shared broker, with a namespace, a home and a stream of its own."""

    namespace: str
    home: Home
    stream: StreamDeclared
    ports: Mapping[str, int]
    zipkin: str | None = None
    topics: list[str] = field(default_factory=list)

    @property
    def received(self) -> str:
        """The topic that the validator reads."""
        return self.topic(RECEIVED, self.stream.name)

    @property
    def events(self) -> str:
        """The topic that the scorer reads, and the validator writes."""
        return self.topic(EVENTS, self.stream.name)

    @property
    def predictions(self) -> str:
        """The topic that the scorer writes."""
        return self.topic(PREDICTIONS, self.stream.name)

    def topic(self, topic: Topic[Any], stream: str) -> str:
        """The name of a stream's topic in this deployment."""
        return topic.name(self.namespace, stream)

    @property
    def partitions(self) -> int:
        """How many partitions the stream's topics have."""
        return self.stream.declaration.partition_count

    def service(self, name: str) -> Command:
        """The command of one of the services, as `penstock up` starts it."""
        plan = next(plan for plan in self._plans() if plan.name == name)
        return Command(name, plan.command, plan.environment)

    def scorers(self, count: int = 1) -> list[Command]:
        """The server's stream children alone, `count` of them."""
        return self._server_children("stream", stream_workers=count)

    def http(self) -> list[Command]:
        """The server's http child alone."""
        return self._server_children("http")

    def url(self, service: str) -> str:
        """The address of a service."""
        return f"http://127.0.0.1:{self.ports[service]}"

    def _plans(self) -> list[ProcessPlan]:
        bootstrap = f"127.0.0.1:{self.ports['broker']}"
        settings = common_settings(self.home, bootstrap, self.namespace) | telemetry_settings(self.zipkin, {})
        return service_plans(self.home, self.ports, settings)

    def _server_children(self, kind: str, stream_workers: int = 1) -> list[Command]:
        server = self.service("server")
        settings = SupervisorSettings.model_validate(dict(server.environment)).model_copy(
            update={"stream_workers": stream_workers}
        )
        return [_command(child, server) for child in child_specs(settings) if child.name.startswith(kind)]


def _command(child: ProcessSpec, server: Command) -> Command:
    return Command(child.name, child.command, {**server.environment, **child.environment})


async def deploy(
    broker: Broker, folder: Path, namespace: str, declaration: Declaration, trained_model: TrainedModel | None
) -> Deployment:
    """Make a deployment in a new namespace, and declare the stream in it with the model; None: without a model."""
    home = Home(folder / namespace)
    prepare(home)
    ensure_keys(home)
    control = control_topics(namespace)
    await broker.create(control)
    deployment = Deployment(namespace, home, _stream_record(namespace, declaration), _ports(broker))
    deployment.topics.extend(topic.name for topic in control)
    await declare_stream(broker, deployment, declaration, trained_model)
    return deployment


async def declare_stream(
    broker: Broker, deployment: Deployment, declaration: Declaration, trained_model: TrainedModel | None
) -> None:
    """Declare a stream in a deployment, and make the model its champion."""
    stream = _stream_record(deployment.namespace, declaration)
    topics = stream_topics(deployment.namespace, stream)
    await broker.create(topics)
    deployment.topics.extend(topic.name for topic in topics)
    records: list[AnyOutputs] = [output(STREAMS, stream, key=stream.name)]
    if trained_model is not None:
        records.append(output(MODELS, _first_epoch(deployment.home, stream.name, trained_model), key=stream.name))
    publisher = Publisher(broker.log, deployment.namespace, Streams())
    await publisher.publish(records)
    await publisher.close()


def _stream_record(namespace: str, declaration: Declaration) -> StreamDeclared:
    return StreamDeclared(
        source=SOURCE, id=f"{namespace}-{declaration.name}", time=_now(), version=1, declaration=declaration
    )


def _first_epoch(home: Home, stream: str, trained_model: TrainedModel) -> ModelEpoch:
    """Pack, store and sign the model; the epoch that makes it the champion."""
    digest = open_store(str(home.artifacts)).put(pack(trained_model.model, trained_model.golden))
    envelope = Signer.from_file(home.signing_key).sign(subject_of(stream, RUN), digest, "model", {})
    version = ModelVersion(
        name=stream,
        version=1,
        family=trained_model.model.family,
        digest=digest,
        envelope=dict(envelope),
        run=RUN,
        schema_version=1,
    )
    return ModelEpoch(
        source=SOURCE, id=f"{stream}-1", time=_now(), stream=stream, epoch=1, champion=version, reason="promotion"
    )


def _ports(broker: Broker) -> dict[str, int]:
    names: Sequence[str] = [name for name in USUAL_PORTS if name != "broker"]
    return dict(zip(names, free_ports(len(names)), strict=True)) | {"broker": int(broker.bootstrap.rpartition(":")[2])}


def _now() -> datetime:
    return datetime.now(UTC)
