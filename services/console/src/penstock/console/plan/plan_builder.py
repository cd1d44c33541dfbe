"""From what the user asked for to a plan whose every part is at hand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.console.broker.jars import obtain, pins
from penstock.console.broker.java import find_java
from penstock.console.broker.kafka import Broker
from penstock.console.broker.zipkin import zipkin_plan
from penstock.console.deployment import Deployment
from penstock.console.home import Home
from penstock.console.plan.keys import ensure_keys
from penstock.console.plan.ports import PortWish, choose_ports, demanded_ports, is_free
from penstock.console.plan.service_plans import USUAL_PORTS, common_settings, service_plans, telemetry_settings
from penstock.console.process_plan import Plan, ProcessPlan

if TYPE_CHECKING:
    from penstock.console.broker.download import Progress


@dataclass(frozen=True)
class Wanted:
    """What a start was asked for: Zipkin or not, how many stream children, ports as `NAME=PORT`, and the environment
    it is asked in.
    """

    traces: bool = False
    workers: int = 1
    ports: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


def make_plan(home: Home, wanted: Wanted, progress: Progress | None = None) -> Plan:
    """Choose ports, fetch what is missing, make keys and storage, and say what shall run.

    Raises:
        ConsoleFailure: a port is taken, or something needed cannot be obtained.
    """
    ports = _choose(home, wanted)
    java = find_java(wanted.environment)
    broker = Broker(
        java,
        tuple(obtain(pins("kafka"), progress=progress)),
        home,
        ports["broker"],
        ports["broker-controller"],
    )
    viewers = [_zipkin(java, home, ports["zipkin"], progress)] if wanted.traces else []
    ensure_keys(home)
    broker.set_up()
    namespace = wanted.environment.get("PENSTOCK_NAMESPACE") or "penstock"
    zipkin = viewers[0].url if viewers else None
    settings = common_settings(home, ports, namespace) | telemetry_settings(zipkin, wanted.environment)
    return Plan(
        namespace=namespace,
        bootstrap=broker.bootstrap,
        zipkin=zipkin,
        ports=ports,
        processes=(broker.plan(), *viewers, *service_plans(home, ports, settings, wanted.workers)),
    )


def _choose(home: Home, wanted: Wanted) -> dict[str, int]:
    before = Deployment.read(home)
    previous = before.ports if before else {}
    usual = {name: port for name, port in USUAL_PORTS.items() if wanted.traces or name != "zipkin"}
    demanded = demanded_ports(wanted.environment, wanted.ports, list(USUAL_PORTS))
    wishes = [PortWish(name, port, previous.get(name), demanded.get(name)) for name, port in usual.items()]
    return choose_ports(wishes, is_free)


def _zipkin(java: Path, home: Home, port: int, progress: Progress | None) -> ProcessPlan:
    (archive,) = obtain(pins("zipkin"), progress=progress)
    return zipkin_plan(java, archive, home, port)
