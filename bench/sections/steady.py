"""An hour at half of what the scorer drains: does its memory stay, and is anything left over at the end?"""

from __future__ import annotations

import asyncio
import time
from statistics import fmean

from bench.cells import PARTITIONS, Penstock
from bench.clock import Clock
from bench.lab import Lab
from bench.processes import Running, check_alive, cpu_of, running
from bench.results import Result, result
from bench.sections.drain import pilot
from bench.sections.latency import produce
from bench.terminal import say

LOAD = 0.5
LOOK_EVERY_S = 5.0
AT_EACH_END = 0.1  # of the samples are averaged; as many at the start are left out as warm-up


async def measure(lab: Lab, minutes: float) -> list[Result]:
    """One run of so many minutes."""
    cell = Penstock("penstock")
    capacity = await pilot(lab, cell)
    if capacity is None:
        return []
    rate = capacity * LOAD
    count = int(rate * minutes * 60)
    prepared = await cell.prepare(lab, "bench-steady", 0, "linear")
    try:
        with running(prepared.commands, lab.folder) as processes:
            sending = asyncio.create_task(produce(lab, prepared.inputs[0], rate, count, 0))
            began, used = time.perf_counter(), cpu_of(processes)
            held = await _memory(sending, processes, rate)
            core = (cpu_of(processes) - used) / (time.perf_counter() - began)
            left = count - await Clock(lab.broker, prepared.outputs, PARTITIONS, processes).held()
            await Clock(lab.broker, prepared.outputs, PARTITIONS, processes).until(count)
    finally:
        await lab.broker.drop(prepared.topics)
    say(
        f"steady: {_growth(held):+.1f} % memory in {minutes:g} minutes at {rate:,.0f}/s, {left} events behind at its end"
    )
    return [
        result("steady", "load", "events/s", [rate]),
        result("steady", "minutes", "min", [minutes]),
        result("steady", "memory at the end", "MB", [held[-1] / 1e6]),
        result("steady", "memory growth", "%", [_growth(held)]),
        result("steady", "behind at the end", "events", [float(left)]),
        result("steady", "processor", "cores", [core]),
    ]


async def _memory(sending: asyncio.Task[float], processes: list[Running], rate: float) -> list[int]:
    """Bytes held, every few seconds until everything is sent."""
    samples: list[int] = []
    while not sending.done():
        await asyncio.wait({sending}, timeout=LOOK_EVERY_S)
        check_alive(processes)
        samples.append(sum(process.memory() for process in processes))
        if len(samples) % 12 == 0:
            say(f"steady at {rate:,.0f}/s: {samples[-1] / 1e6:.1f} MB")
    sending.result()
    return samples


def _growth(samples: list[int]) -> float:
    """Per cent between the second tenth of the samples and the last."""
    part = max(1, int(len(samples) * AT_EACH_END))
    first, last = fmean(samples[part : 2 * part] or samples[:1]), fmean(samples[-part:])
    return (last / first - 1) * 100
