"""Building the plan of a deployment from the options of a start, with everything that the plan needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.console.broker.jar_pins import read_pins
from penstock.console.broker.jars import obtain_jars
from penstock.console.broker.java import find_java
from penstock.console.broker.kafka import Broker
from penstock.console.deployment import Deployment
from penstock.console.home import Home
from penstock.console.local_ports import is_free
from penstock.console.plan.keys import ensure_keys
from penstock.console.plan.port_choice import PortRequest, choose_ports, requested_ports
from penstock.console.plan.service_plans import USUAL_PORTS, common_settings, service_plans, telemetry_settings
from penstock.console.plan.zipkin import zipkin_plan
from penstock.console.process_plan import Plan, ProcessPlan

if TYPE_CHECKING:
    from penstock.console.broker.download import Progress


@dataclass(frozen=True)
class StartOptions:
    """How a deployment is started.

    Attributes:
        traces: whether Zipkin runs too.
        workers: how many of the server's processes score the streams' events.
        ports: ports that the user set, each as `NAME=PORT`.
        kafka: the bootstrap servers of a cluster to use instead of a broker of its own.
        database: the URL of the registry's database, unless it is the home's SQLite.
        environment: the environment of the command.
    """

    traces: bool = False
    workers: int = 1
    ports: tuple[str, ...] = ()
    kafka: str = ""
    database: str = ""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


def make_plan(home: Home, options: StartOptions, progress: Progress | None = None) -> Plan:
    """Choose ports, download missing archives, make keys and the broker's storage, and plan all processes.

    Raises:
        ConsoleFailure: a port is in use, or something needed cannot be obtained.
    """
    ports = _choose_ports(home, options)
    broker = None if options.kafka else _broker(home, ports, options, progress)
    zipkin = _zipkin_plan(home, ports["zipkin"], options, progress) if options.traces else None
    ensure_keys(home)
    namespace = options.environment.get("PENSTOCK_NAMESPACE") or "penstock"
    bootstrap = options.kafka if broker is None else broker.bootstrap
    zipkin_url = zipkin.url if zipkin else None
    settings = common_settings(home, bootstrap, namespace) | telemetry_settings(zipkin_url, options.environment)
    settings |= _durability(options) if broker is None else {"KAFKA_CLUSTER_ID": broker.cluster_id}
    services = service_plans(home, ports, settings, options.workers, options.database)
    return Plan(
        namespace=namespace,
        bootstrap=bootstrap,
        zipkin=zipkin_url,
        ports=ports,
        processes=(*([broker.plan()] if broker else []), *([zipkin] if zipkin else []), *services),
    )


def _broker(home: Home, ports: Mapping[str, int], options: StartOptions, progress: Progress | None) -> Broker:
    """A broker of its own, with its storage."""
    java = find_java(options.environment)
    jars = tuple(obtain_jars(read_pins("kafka"), progress=progress))
    broker = Broker(java, jars, home, ports["broker"], ports["broker-controller"])
    broker.set_up()
    return broker


def _durability(options: StartOptions) -> dict[str, str]:
    """What a cluster of others is asked for: whatever the environment says, or nothing."""
    return {"PENSTOCK_DURABILITY": options.environment.get("PENSTOCK_DURABILITY") or "development"}


def _choose_ports(home: Home, options: StartOptions) -> dict[str, int]:
    deployment = Deployment.read(home)
    previous = deployment.ports if deployment else {}
    requested = requested_ports(options.environment, options.ports, list(USUAL_PORTS))
    absent = {*(() if options.traces else ("zipkin",)), *(("broker", "broker-controller") if options.kafka else ())}
    requests = [
        PortRequest(name, port, previous.get(name), requested.get(name))
        for name, port in USUAL_PORTS.items()
        if name not in absent
    ]
    return choose_ports(requests, is_free)


def _zipkin_plan(home: Home, port: int, options: StartOptions, progress: Progress | None) -> ProcessPlan:
    (archive,) = obtain_jars(read_pins("zipkin"), progress=progress)
    return zipkin_plan(find_java(options.environment), archive, home, port)
