"""The section `observing`: what tracing costs a stream child; nothing sampled, 1 % sampled, and spans sent out as well.

Spans are sent as `penstock up --traces` has them sent, to a receiver that discards them. Metrics and the attribution of
every prediction cannot be switched off, so all three cells have them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from bench.cells.drain_cells import Cell, Penstock, PreparedCell
from bench.cells.penstock_deployment import deploy
from bench.instruments.drain_meter import DrainMeasurement
from bench.report.results import Result, median_ratio, summarize
from bench.report.terminal import print_line
from bench.sections.drain import drain_once, rates_of, run_pilot
from bench.testbed import Testbed


@dataclass(frozen=True)
class PenstockWithTraces:
    """A stream child whose spans are sent to `zipkin`."""

    name: str
    zipkin: str

    async def prepare(self, testbed: Testbed, label: str, count: int, family: str) -> PreparedCell:
        """Make a deployment as `penstock up --traces` does."""
        deployment = await deploy(testbed.broker, testbed.folder, label, testbed.declaration, testbed.model(family))
        await testbed.broker.fill(deployment.events, deployment.partitions, testbed.events.encoded(count))
        commands = replace(deployment, zipkin=self.zipkin).scorers()
        return PreparedCell(
            commands, [deployment.events], [deployment.predictions], "penstock", deployment.topics
        )  # fmt: skip


async def measure(testbed: Testbed) -> list[Result]:
    """Measure the three cells in turn, repetition by repetition; losses are relative to `nothing-sampled`."""
    untraced_testbed = replace(testbed, events=replace(testbed.events, traced=False))
    async with _span_receiver() as address:
        cells: list[tuple[Testbed, Cell]] = [
            (untraced_testbed, Penstock("nothing-sampled")),
            (testbed, Penstock("sampled")),
            (testbed, PenstockWithTraces("sampled-and-sent", address)),
        ]
        rates = {cell.name: await run_pilot(cell_testbed, cell) for cell_testbed, cell in cells}
        measurements: dict[str, dict[int, DrainMeasurement]] = {cell.name: {} for _, cell in cells}
        for repetition in range(testbed.repetitions):
            for cell_testbed, cell in cells:
                drain = await drain_once(cell_testbed, cell, "linear", f"o{repetition}", rates)
                if drain is not None:
                    measurements[cell.name][repetition] = drain
                    print_line(
                        f"observing {cell.name:<17} {drain.rate:>9,.0f} events/s {drain.cpu:8.2f} us of CPU an event"
                    )
    return _results(measurements)


def _results(measurements: dict[str, dict[int, DrainMeasurement]]) -> list[Result]:
    rates = rates_of(measurements)
    results = [summarize("observing", name, "events/s", list(values.values())) for name, values in rates.items()]
    for name in ("sampled", "sampled-and-sent"):
        ratio = median_ratio(rates[name], rates["nothing-sampled"])
        losses = [] if ratio is None else [1 - ratio]
        results.append(summarize("observing-share", name, "of throughput lost", losses))
    return results


@asynccontextmanager
async def _span_receiver() -> AsyncIterator[str]:
    """The address of a server that accepts and discards every span."""
    server = await asyncio.start_server(_accept, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode("latin-1").lower().split("\r\n")
            size = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
            await reader.readexactly(size)
            writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
