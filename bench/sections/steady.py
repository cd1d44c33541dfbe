"""An hour at half of what a stream child can drain: does its memory grow, and are events left at the end?"""

from __future__ import annotations

import asyncio
import time
from statistics import fmean

from bench.cells.drain_cells import PARTITIONS, Penstock
from bench.instruments.drain_meter import DrainMeter
from bench.instruments.event_producer import run_producer
from bench.instruments.processes import BenchProcess, check_alive, cpu_seconds_of, running_processes
from bench.report.results import Result, summarize
from bench.report.terminal import print_line
from bench.sections.drain import run_pilot
from bench.sections.latency import producer_settings
from bench.testbed import Testbed

LOAD_SHARE = 0.5  # of the capacity
SAMPLE_INTERVAL_S = 5.0
END_SHARE = 0.1  # of the memory samples are averaged at each end; as many at the start are left out as warm-up


async def measure(testbed: Testbed, minutes: float) -> list[Result]:
    """One run of so many minutes."""
    cell = Penstock("penstock")
    capacity = await run_pilot(testbed, cell)
    if capacity is None:
        return []
    rate = capacity * LOAD_SHARE
    count = int(rate * minutes * 60)
    prepared = await cell.prepare(testbed, "bench-steady", 0, "linear")
    try:
        with running_processes(prepared.commands, testbed.folder) as processes:
            settings = producer_settings(testbed, prepared.inputs[0], rate, count, 0)
            producer = asyncio.create_task(run_producer(settings))
            start, cpu_at_start = time.perf_counter(), cpu_seconds_of(processes)
            memory = await _sample_memory(producer, processes, rate)
            cores = (cpu_seconds_of(processes) - cpu_at_start) / (time.perf_counter() - start)
            meter = DrainMeter(testbed.broker, prepared.outputs, PARTITIONS, processes)
            unanswered = count - await meter.count_outputs()
            await meter.await_count(count)
    finally:
        await testbed.broker.drop(prepared.topics)
    growth = _growth_percent(memory)
    print_line(
        f"steady: {growth:+.1f} % memory in {minutes:g} minutes at {rate:,.0f}/s, {unanswered} events behind at its end"
    )
    return [
        summarize("steady", "load", "events/s", [rate]),
        summarize("steady", "minutes", "min", [minutes]),
        summarize("steady", "memory at the end", "MB", [memory[-1] / 1e6]),
        summarize("steady", "memory growth", "%", [growth]),
        summarize("steady", "behind at the end", "events", [float(unanswered)]),
        summarize("steady", "processor", "cores", [cores]),
    ]


async def _sample_memory(producer: asyncio.Task[float], processes: list[BenchProcess], rate: float) -> list[int]:
    """Bytes in memory, every few seconds until the producer has sent everything."""
    samples: list[int] = []
    while not producer.done():
        await asyncio.wait({producer}, timeout=SAMPLE_INTERVAL_S)
        check_alive(processes)
        samples.append(sum(process.memory_bytes() for process in processes))
        if len(samples) % 12 == 0:
            print_line(f"steady at {rate:,.0f}/s: {samples[-1] / 1e6:.1f} MB")
    producer.result()
    return samples


def _growth_percent(samples: list[int]) -> float:
    """Growth in per cent from the second tenth of the samples to the last."""
    size = max(1, int(len(samples) * END_SHARE))
    first, last = fmean(samples[size : 2 * size] or samples[:1]), fmean(samples[-size:])
    return (last / first - 1) * 100
