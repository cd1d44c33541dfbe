"""Ports for a deployment that is staged beside whatever else runs on this machine."""

from __future__ import annotations

from penstock.console.local_ports import is_free
from penstock.console.plan.port_choice import PortRequest, choose_ports
from penstock.console.plan.service_plans import USUAL_PORTS


def free_ports(above_usual: int) -> tuple[str, ...]:
    """A free port for the broker and each service, so far above the usual one or near that, as `up --port` takes them.

    Zipkin is left out: it is not staged.
    """
    requests = [PortRequest(name, port + above_usual) for name, port in USUAL_PORTS.items() if name != "zipkin"]
    return tuple(f"{name}={port}" for name, port in choose_ports(requests, is_free).items())
