"""How many events per second come in over HTTP: NDJSON of 1,000 and single events, against a tutorial's route.

An event counts when the broker has confirmed it and the client has its response.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from bench.cells.drain_cells import PARTITIONS
from bench.cells.http_cells import HttpCell, ServerSpec, empty_route, event_body
from bench.cells.penstock_deployment import deploy
from bench.instruments.processes import Command
from bench.peer_environments import PEER_SCRIPTS, SINGLE_THREADED, interpreter_of
from bench.report.results import Result, summarize
from bench.report.terminal import print_line
from bench.sections.http import CONNECTIONS, RunningServer, measure_load, start_servers
from bench.testbed import Testbed
from bench.workload.stream import NAME
from penstock.bus.ports import NewTopic
from penstock.console.local_ports import free_ports

LINES = 1000  # events in an NDJSON body
NDJSON_CONNECTIONS = 4
TUTORIAL_TOPIC = "bench-ingestion-tutorial"


async def measure(testbed: Testbed, names: Sequence[str] | None = None) -> list[Result]:
    """Measure every cell in turn, repetition by repetition."""
    cells = [cell for cell in CELLS if names is None or cell.name in names]
    rates: dict[str, list[float]] = {cell.name: [] for cell in cells}
    with ExitStack() as stack:
        servers = await start_servers(testbed, cells, stack)
        for repetition in range(testbed.repetitions):
            for server in servers:
                connections = NDJSON_CONNECTIONS if _is_ndjson(server) else CONNECTIONS
                load = await measure_load(testbed, server, repetition, connections)
                if load is not None:
                    rate = load.per_second * (LINES if _is_ndjson(server) else 1)
                    rates[server.cell.name].append(rate)
                    print_line(f"ingestion {server.cell.name:<16} {rate:>9,.0f} events/s")
    return [summarize("ingestion", name, "events/s", figures) for name, figures in rates.items()]


def _is_ndjson(server: RunningServer) -> bool:
    return server.cell.name == "penstock-ndjson"


async def _single(testbed: Testbed) -> ServerSpec:
    return await _penstock(testbed, "bench-ingestion-single", "application/cloudevents+json")


async def _ndjson(testbed: Testbed) -> ServerSpec:
    return await _penstock(testbed, "bench-ingestion-ndjson", "application/x-ndjson")


async def _penstock(testbed: Testbed, namespace: str, content_type: str) -> ServerSpec:
    deployment = await deploy(testbed.broker, testbed.folder, namespace, testbed.declaration, None)
    command = deployment.service("ingestion")
    body = _ndjson_body if content_type.endswith("ndjson") else event_body
    return ServerSpec(
        [Command(namespace, command.arguments, command.environment)], deployment.ports["ingestion"],
        f"/v1/streams/{NAME}/events", "/readyz", body, lambda _: None, content_type,
    )  # fmt: skip


async def _tutorial(testbed: Testbed) -> ServerSpec:
    (port,) = free_ports(1)
    await testbed.broker.create([NewTopic(TUTORIAL_TOPIC, PARTITIONS)])
    variables = {"BENCH_PORT": str(port), "BENCH_BROKER": testbed.broker.bootstrap, "BENCH_OUTPUT": TUTORIAL_TOPIC}
    arguments = [str(interpreter_of("tutorial")), str(PEER_SCRIPTS / "http_tutorial.py")]
    return ServerSpec(
        [Command("ingestion-tutorial", arguments, SINGLE_THREADED | variables)], port,
        "/events", "/openapi.json", event_body, lambda _: None,
    )  # fmt: skip


def _ndjson_body(testbed: Testbed) -> str:
    """A thousand events; the first one's id is the number of the request, the others have numbers from 1 on."""
    return "\n".join([event_body(testbed), *(value.decode() for value in testbed.events.values(LINES - 1, first=1))])


CELLS = (
    HttpCell("penstock-ndjson", _ndjson),
    HttpCell("penstock-single", _single),
    HttpCell("tutorial", _tutorial),
    HttpCell("empty-route", empty_route),
)
