"""Building the plan of a deployment from the options of a start, with everything that the plan needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
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
        environment: the environment of the command.
    """

    traces: bool = False
    workers: int = 1
    ports: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


def make_plan(home: Home, options: StartOptions, progress: Progress | None = None) -> Plan:
    """Choose ports, download missing archives, make keys and the broker's storage, and plan all processes.

    Raises:
        ConsoleFailure: a port is in use, or something needed cannot be obtained.
    """
    ports = _choose_ports(home, options)
    java = find_java(options.environment)
    broker = Broker(
        java,
        tuple(obtain_jars(read_pins("kafka"), progress=progress)),
        home,
        ports["broker"],
        ports["broker-controller"],
    )
    zipkin = _zipkin_plan(java, home, ports["zipkin"], progress) if options.traces else None
    ensure_keys(home)
    broker.set_up()
    namespace = options.environment.get("PENSTOCK_NAMESPACE") or "penstock"
    zipkin_url = zipkin.url if zipkin else None
    settings = common_settings(home, ports, namespace) | telemetry_settings(zipkin_url, options.environment)
    settings["KAFKA_CLUSTER_ID"] = broker.cluster_id
    services = service_plans(home, ports, settings, options.workers)
    return Plan(
        namespace=namespace,
        bootstrap=broker.bootstrap,
        zipkin=zipkin_url,
        ports=ports,
        processes=(broker.plan(), *([zipkin] if zipkin else []), *services),
    )


def _choose_ports(home: Home, options: StartOptions) -> dict[str, int]:
    deployment = Deployment.read(home)
    previous = deployment.ports if deployment else {}
    requested = requested_ports(options.environment, options.ports, list(USUAL_PORTS))
    requests = [
        PortRequest(name, port, previous.get(name), requested.get(name))
        for name, port in USUAL_PORTS.items()
        if options.traces or name != "zipkin"
    ]
    return choose_ports(requests, is_free)


def _zipkin_plan(java: Path, home: Home, port: int, progress: Progress | None) -> ProcessPlan:
    (archive,) = obtain_jars(read_pins("zipkin"), progress=progress)
    return zipkin_plan(java, archive, home, port)
