"""How long an event waits for its prediction, from the broker's append to the broker's append, at an offered load.

Loads are 1,000 events/s, and 10, 50 and 80 % of what the cell drains. The producer is a process of its own. Times are
those that the broker writes on records, in whole milliseconds; the first fifth of the events is left out.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.cells import PARTITIONS, Cell, Prepared
from bench.clock import Clock
from bench.events import number_of
from bench.lab import Lab
from bench.processes import Failed, Running, cpu_of, running
from bench.producer import Orders
from bench.results import Result, result
from bench.sections.drain import pilot
from bench.terminal import say

FIXED = 1000.0  # events a second
SHARES = (0.1, 0.5, 0.8)  # of the capacity
WARM = 400  # events that are sent before, so that everything stands
LEFT_OUT = 0.2


@dataclass(frozen=True)
class Waited:
    """Milliseconds at the median and the 99th percentile, and the share of a core that the cell used."""

    p50: float
    p99: float
    core: float


class _Id(msgspec.Struct, gc=False):
    id: str


async def measure(lab: Lab, cells: Sequence[Cell]) -> list[Result]:
    """Every cell at every load, repetition by repetition."""
    capacities = {cell.name: await pilot(lab, cell) for cell in cells}
    found: dict[str, list[Waited]] = {}
    for repetition in range(lab.repetitions):
        for cell in cells:
            capacity = capacities[cell.name]
            for name, rate in _loads(capacity) if capacity else ():
                waited = await _measured(lab, cell, rate, f"bench-{cell.name}-l{repetition}-{int(rate)}")
                if waited is not None:
                    found.setdefault(f"{cell.name} at {name}", []).append(waited)
    return [
        result(f"latency-{what}", name, unit, [getattr(one, what) for one in waited])
        for what, unit in (("p50", "ms"), ("p99", "ms"), ("core", "cores"))
        for name, waited in found.items()
    ]


def _loads(capacity: float) -> list[tuple[str, float]]:
    shares = [(f"{share:.0%}", capacity * share) for share in SHARES]
    return [("1,000/s", FIXED), *shares] if capacity > 2 * FIXED else shares


async def _measured(lab: Lab, cell: Cell, rate: float, label: str) -> Waited | None:
    prepared = await cell.prepare(lab, label, WARM, "linear")
    try:
        with running(prepared.commands, lab.folder) as processes:
            waited = await _under_load(lab, prepared, processes, rate)
    except Failed as error:
        say(f"[red]{cell.name} at {rate:,.0f}/s: {error}[/red]")
        return None
    finally:
        await lab.broker.drop(prepared.topics)
    say(
        f"latency {cell.name:<11} at {rate:>8,.0f}/s: p50 {waited.p50:6.1f} ms, p99 {waited.p99:6.1f} ms, "
        f"{waited.core:.2f} of a core"
    )
    return waited


async def _under_load(lab: Lab, prepared: Prepared, processes: Sequence[Running], rate: float) -> Waited:
    clock = Clock(lab.broker, prepared.outputs, PARTITIONS, processes)
    await clock.until(WARM)
    seconds = 4.0 if lab.quick else 10.0
    count = int(rate * seconds)
    used = cpu_of(processes)
    late = await produce(lab, prepared.inputs[0], rate, count, WARM)
    used = cpu_of(processes) - used
    await clock.until(WARM + count)
    waits = await _waits(lab, prepared, WARM + count)
    kept = waits[WARM + int(count * LEFT_OUT) :]
    p50, p99 = np.percentile(kept, [50, 99]).tolist()
    return Waited(p50, p99, used / (seconds + max(late, 0.0)))


async def produce(lab: Lab, topic: str, rate: float, count: int, first: int) -> float:
    """Have the producer send, in a process of its own; by how many seconds the last event was late."""
    orders = Orders(lab.broker.bootstrap, topic, PARTITIONS, str(lab.folder / "stream.toml"), rate, count, first)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.producer", cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        output, _ = await process.communicate(json.dumps(asdict(orders)).encode())
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise Failed(f"the producer ended with {process.returncode}")
    late = float(output)
    if late > 0.05 * count / rate:
        say(f"[yellow]the producer came {late:.1f} s late: the load was lower than asked for[/yellow]")
    return late


async def _waits(lab: Lab, prepared: Prepared, count: int) -> NDArray[np.float64]:
    """Milliseconds between both appends of each event, by its number."""
    appended = await _appended(lab, prepared.inputs, count)
    answered = await _appended(lab, prepared.outputs, count)
    return answered - appended


async def _appended(lab: Lab, topics: Sequence[str], count: int) -> NDArray[np.float64]:
    """When the broker took each event, NaN where it has not."""
    moments = np.full(count, np.nan)
    decode = msgspec.json.Decoder(_Id).decode_lines
    async for records in lab.broker.records(topics, PARTITIONS):
        ids = decode(b"\n".join(record.value for record in records))
        numbers = [number_of(one.id) for one in ids]
        moments[numbers] = [record.timestamp for record in records]
    if np.isnan(moments).any():
        raise Failed(f"{int(np.isnan(moments).sum())} of {count} events are missing")
    return moments
