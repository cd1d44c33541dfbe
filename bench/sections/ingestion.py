"""How many events a second come in over HTTP: NDJSON of 1,000 and single ones, against the tutorial's route.

An event counts when the broker has confirmed it and the sender was told so; the topic is counted afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from bench.cells.drain_cells import PARTITIONS
from bench.peer_environments import PEERS, QUIET, interpreter
from bench.cells.http_cells import HttpCell, Served, empty_route, event_body
from bench.testbed import Lab
from bench.instruments.processes import Command
from bench.report.results import Result, result
from bench.sections.http import Standing, ask, stand
from bench.cells.penstock_deployment import deploy
from bench.workload.stream import NAME
from bench.report.terminal import say
from penstock.bus.ports import NewTopic
from penstock.console.local_ports import free_ports

LINES = 1000
FEW_CONNECTIONS = 4  # that send batches
TUTORIAL_TOPIC = "bench-ingestion-tutorial"


async def measure(lab: Lab, names: Sequence[str] | None = None) -> list[Result]:
    """Every way in, in turn, repetition by repetition."""
    cells = [cell for cell in CELLS if names is None or cell.name in names]
    found: dict[str, list[float]] = {cell.name: [] for cell in cells}
    with ExitStack() as stack:
        standing = await stand(lab, cells, stack)
        for repetition in range(lab.repetitions):
            for one in standing:
                answers = await ask(lab, one, repetition, FEW_CONNECTIONS if _is_batch(one) else 32)
                if answers is not None:
                    events = answers.answers * (LINES if _is_batch(one) else 1)
                    found[one.cell.name].append(events / answers.seconds)
                    say(f"ingestion {one.cell.name:<16} {events / answers.seconds:>9,.0f} events/s")
    return [result("ingestion", name, "events/s", figures) for name, figures in found.items()]


def _is_batch(one: Standing) -> bool:
    return one.cell.name == "penstock-ndjson"


async def _single(lab: Lab) -> Served:
    return await _penstock(lab, "bench-ingestion-single", "application/cloudevents+json")


async def _ndjson(lab: Lab) -> Served:
    return await _penstock(lab, "bench-ingestion-ndjson", "application/x-ndjson")


async def _penstock(lab: Lab, namespace: str, content_type: str) -> Served:
    deployed = await deploy(lab.broker, lab.folder, namespace, lab.declaration, None)
    command = deployed.service("ingestion")
    body = _lines if content_type.endswith("ndjson") else event_body
    return Served(
        [Command(namespace, command.arguments, command.environment)], deployed.ports["ingestion"],
        f"/v1/streams/{NAME}/events", "/readyz", body, lambda _: None, content_type,
    )  # fmt: skip


async def _tutorial(lab: Lab) -> Served:
    (port,) = free_ports(1)
    await lab.broker.create([NewTopic(TUTORIAL_TOPIC, PARTITIONS)])
    told = {"BENCH_PORT": str(port), "BENCH_BROKER": lab.broker.bootstrap, "BENCH_OUTPUT": TUTORIAL_TOPIC}
    arguments = [str(interpreter("tutorial")), str(PEERS / "http_tutorial.py")]
    return Served(
        [Command("ingestion-tutorial", arguments, QUIET | told)], port,
        "/events", "/openapi.json", event_body, lambda _: None,
    )  # fmt: skip


def _lines(lab: Lab) -> str:
    """A thousand events; the first one's id is the number of the request, the others' follow one another."""
    return "\n".join([event_body(lab), *(value.decode() for value in lab.events.values(LINES - 1, first=1))])


CELLS = (
    HttpCell("penstock-ndjson", _ndjson),
    HttpCell("penstock-single", _single),
    HttpCell("tutorial", _tutorial),
    HttpCell("empty-route", empty_route),
)
