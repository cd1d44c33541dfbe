"""A link of its own between each service and the broker, with a proxy in it.

The broker has a listener for each service, and advertises for it the port of the service's proxy: so not only the first
connection of a service goes through its proxy, but all of them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from penstock.console.home import Home
from penstock.console.local_ports import HOST, is_free
from penstock.console.plan.service_plans import SERVICES
from penstock.console.process_plan import Plan
from tests.faults.live.proxy import FaultProxy, NetworkFault

FIRST_PORT = 24_100  # of listeners for services; below those of outgoing connections
PORTS = 1000  # that a deployment may choose from

T = TypeVar("T")


@dataclass(frozen=True)
class Link:
    """The ports of a service's listener and of the proxy before it."""

    broker: int
    proxy: int


def plan_links(place: int) -> dict[str, Link]:
    """A link for each service, on ports that are free; each deployment has a range of its own, by its place."""
    first = FIRST_PORT + place * PORTS
    free = (port for port in range(first, first + PORTS) if is_free(port))
    return {service: Link(next(free), next(free)) for service in SERVICES}


def lead_through(links: Mapping[str, Link], plan: Plan, home: Home) -> Plan:
    """The plan with each service on its link; the broker's configuration gets the listeners."""
    file = home.kafka / "server.properties"
    given = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line and line[0] != "#")
    names = {service: service.replace("-", "_").upper() for service in links}
    more = {
        "listeners": [f"{names[service]}://{HOST}:{link.broker}" for service, link in links.items()],
        "advertised.listeners": [f"{names[service]}://{HOST}:{link.proxy}" for service, link in links.items()],
        "listener.security.protocol.map": [f"{name}:PLAINTEXT" for name in names.values()],
    }
    lines = [f"{name}={','.join([given[name], *values])}\n" for name, values in more.items()]
    file.write_text(file.read_text() + "\n" + "".join(lines))  # what comes later counts
    processes = [
        process.model_copy(update={"environment": {**process.environment, **_bootstrap(links[process.name])}})
        if process.name in links
        else process
        for process in plan.processes
    ]
    return plan.model_copy(update={"processes": tuple(processes)})


def _bootstrap(link: Link) -> dict[str, str]:
    return {"KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{link.proxy}"}


class Network:
    """The proxies by service, in a thread of their own: whatever the caller does, they go on."""

    def __init__(self, loop: asyncio.AbstractEventLoop, proxies: Mapping[str, FaultProxy]) -> None:
        self._loop = loop
        self._proxies = proxies

    async def set_fault(self, service: str, fault: NetworkFault | None) -> None:
        """Have a fault on a service's link from now on, or none."""
        work = asyncio.run_coroutine_threadsafe(self._proxies[service].set_fault(fault), self._loop)
        await asyncio.wrap_future(work)


@contextmanager
def proxies_of(links: Mapping[str, Link]) -> Iterator[Network]:
    """Run the proxies for the length of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    proxies = {service: FaultProxy(link.broker) for service, link in links.items()}
    try:
        for service, link in links.items():
            run(proxies[service].start(link.proxy))
        yield Network(loop, proxies)
    finally:
        for proxy in proxies.values():
            run(proxy.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
