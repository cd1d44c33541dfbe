"""What watching costs the scorer: nothing sampled, 1 % sampled with spans kept to itself, and spans sent out.

Spans are sent as `penstock up --traces` has them sent, to a receiver here that reads and forgets them. Metrics and the
attribution on every prediction cannot be switched off, so they are in all three.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from bench.cells import Cell, Penstock, Prepared
from bench.clock import Drained
from bench.lab import Lab
from bench.results import Result, ratio, result
from bench.sections.drain import drained_once, pilot
from bench.shipped import deploy
from bench.terminal import say


@dataclass(frozen=True)
class Traced:
    """The scorer with its spans sent to `zipkin`."""

    name: str
    zipkin: str

    async def prepare(self, lab: Lab, label: str, count: int, family: str) -> Prepared:
        """A deployment as `penstock up --traces` makes it."""
        deployed = await deploy(lab.broker, lab.folder, label, lab.declaration, lab.trained(family))
        await lab.broker.fill(deployed.events, deployed.partitions, lab.events.encoded(count))
        commands = replace(deployed, zipkin=self.zipkin).scorers()
        return Prepared(commands, [deployed.events], [deployed.predictions], "penstock", deployed.topics)


async def measure(lab: Lab) -> list[Result]:
    """The three in turn, repetition by repetition; shares are of the one in which nothing is sampled."""
    unsampled = replace(lab, events=replace(lab.events, traced=False))
    async with _receiver() as address:
        ways: list[tuple[Lab, Cell]] = [
            (unsampled, Penstock("nothing-sampled")),
            (lab, Penstock("sampled")),
            (lab, Traced("sampled-and-sent", address)),
        ]
        rates = {cell.name: await pilot(place, cell) for place, cell in ways}
        found: dict[str, dict[int, Drained]] = {cell.name: {} for _, cell in ways}
        for repetition in range(lab.repetitions):
            for place, cell in ways:
                drained = await drained_once(place, cell, "linear", f"o{repetition}", rates)
                if drained is not None:
                    found[cell.name][repetition] = drained
                    say(
                        f"observing {cell.name:<17} {drained.rate:>9,.0f} events/s {drained.cpu:8.2f} us of CPU an event"
                    )
    return _results(found)


def _results(found: dict[str, dict[int, Drained]]) -> list[Result]:
    speeds = {name: {at: one.rate for at, one in cell.items()} for name, cell in found.items()}
    rows = [result("observing", name, "events/s", list(speed.values())) for name, speed in speeds.items()]
    for name in ("sampled", "sampled-and-sent"):
        share = ratio(speeds[name], speeds["nothing-sampled"])
        rows.append(result("observing-share", name, "of throughput lost", [] if share is None else [1 - share]))
    return rows


@asynccontextmanager
async def _receiver() -> AsyncIterator[str]:
    """The address of a server that accepts every span."""
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
