"""How long an event waits for its prediction at an offered load, from the broker's append to the broker's append.

Loads are 1,000 events/s, and 10, 50 and 80 % of what the cell drains. The producer is a process of its own. Times are
those that the broker writes on records, in whole milliseconds; the first fifth of the events is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.cells.drain_cells import PARTITIONS, Cell, PreparedCell
from bench.instruments.drain_meter import DrainMeter
from bench.instruments.event_producer import ProducerSettings, run_producer
from bench.instruments.processes import BenchProcess, MeasurementError, cpu_seconds_of, running_processes
from bench.report.results import Result, summarize
from bench.report.terminal import print_line
from bench.sections.drain import run_pilot
from bench.testbed import Testbed
from bench.workload.events import RecordId, event_number

FIXED_RATE = 1000.0  # events per second
SHARES = (0.1, 0.5, 0.8)  # of the capacity
WARM_UP_EVENTS = 400  # that are answered before the load begins
WARM_UP_SHARE = 0.2  # of the load's events, which are left out


@dataclass(frozen=True)
class LatencyFigures:
    """Milliseconds at the median and the 99th percentile, and the share of a core that the cell used."""

    p50: float
    p99: float
    core: float


async def measure(testbed: Testbed, cells: Sequence[Cell]) -> list[Result]:
    """Measure every cell at every load, repetition by repetition."""
    capacities = {cell.name: await run_pilot(testbed, cell) for cell in cells}
    figures_at: dict[str, list[LatencyFigures]] = {}
    for repetition in range(testbed.repetitions):
        for cell in cells:
            capacity = capacities[cell.name]
            for load_name, rate in _loads(capacity) if capacity else ():
                figures = await _measure(testbed, cell, rate, f"bench-{cell.name}-l{repetition}-{int(rate)}")
                if figures is not None:
                    figures_at.setdefault(f"{cell.name} at {load_name}", []).append(figures)
    return [
        summarize(f"latency-{figure}", name, unit, [getattr(figures, figure) for figures in repetitions])
        for figure, unit in (("p50", "ms"), ("p99", "ms"), ("core", "cores"))
        for name, repetitions in figures_at.items()
    ]


def _loads(capacity: float) -> list[tuple[str, float]]:
    shares = [(f"{share:.0%}", capacity * share) for share in SHARES]
    return [("1,000/s", FIXED_RATE), *shares] if capacity > 2 * FIXED_RATE else shares


async def _measure(testbed: Testbed, cell: Cell, rate: float, label: str) -> LatencyFigures | None:
    prepared = await cell.prepare(testbed, label, WARM_UP_EVENTS, "linear")
    try:
        with running_processes(prepared.commands, testbed.folder) as processes:
            figures = await _measure_under_load(testbed, prepared, processes, rate)
    except MeasurementError as error:
        print_line(f"[red]{cell.name} at {rate:,.0f}/s: {error}[/red]")
        return None
    finally:
        await testbed.broker.drop(prepared.topics)
    print_line(
        f"latency {cell.name:<11} at {rate:>8,.0f}/s: p50 {figures.p50:6.1f} ms, p99 {figures.p99:6.1f} ms, "
        f"{figures.core:.2f} of a core"
    )
    return figures


async def _measure_under_load(
    testbed: Testbed, prepared: PreparedCell, processes: Sequence[BenchProcess], rate: float
) -> LatencyFigures:
    meter = DrainMeter(testbed.broker, prepared.outputs, PARTITIONS, processes)
    await meter.await_count(WARM_UP_EVENTS)
    seconds = 4.0 if testbed.quick else 10.0
    count = int(rate * seconds)
    cpu_at_start = cpu_seconds_of(processes)
    delay = await run_producer(producer_settings(testbed, prepared.inputs[0], rate, count, WARM_UP_EVENTS))
    cpu = cpu_seconds_of(processes) - cpu_at_start
    await meter.await_count(WARM_UP_EVENTS + count)
    latencies = await _latencies(testbed, prepared, WARM_UP_EVENTS + count)
    p50, p99 = np.percentile(latencies[WARM_UP_EVENTS + int(count * WARM_UP_SHARE) :], [50, 99]).tolist()
    return LatencyFigures(p50, p99, cpu / (seconds + max(delay, 0.0)))


def producer_settings(testbed: Testbed, topic: str, rate: float, count: int, first: int) -> ProducerSettings:
    """The settings of a producer of the testbed's events."""
    declaration_file = str(testbed.folder / "stream.toml")
    return ProducerSettings(testbed.broker.bootstrap, topic, PARTITIONS, declaration_file, rate, count, first)


async def _latencies(testbed: Testbed, prepared: PreparedCell, count: int) -> NDArray[np.float64]:
    """Milliseconds from the append of each event to that of its prediction, by the event's number: shape (count,)."""
    event_times = await _append_times(testbed, prepared.inputs, count)
    prediction_times = await _append_times(testbed, prepared.outputs, count)
    return prediction_times - event_times


async def _append_times(testbed: Testbed, topics: Sequence[str], count: int) -> NDArray[np.float64]:
    """When the broker appended each event's record, in milliseconds.

    Raises:
        MeasurementError: records are missing.
    """
    times = np.full(count, np.nan)
    decode = msgspec.json.Decoder(RecordId).decode_lines
    async for records in testbed.broker.records(topics, PARTITIONS):
        ids = decode(b"\n".join(record.value for record in records))
        times[[event_number(record.id) for record in ids]] = [record.timestamp for record in records]
    if np.isnan(times).any():
        raise MeasurementError(f"{int(np.isnan(times).sum())} of {count} events are missing")
    return times
