"""How fast a cell drains a full topic: events per second, and CPU per event.

After 2 s of warm-up a drain is measured for at least 5 s (quick: 3 s). A pilot run finds how many events that takes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial

from bench.cells.drain_cells import Cell, PreparedCell
from bench.instruments.drain_meter import POLL_INTERVAL_S, DrainMeasurement, DrainMeter, DrainTooShort
from bench.instruments.output_check import OutputCheck, check_output
from bench.instruments.processes import BenchProcess, MeasurementError, running_processes
from bench.peer_environments import EnvironmentMissing
from bench.report.results import Result, median_ratio, summarize
from bench.report.terminal import print_line
from bench.testbed import Testbed

WARM_UP_S = 2.0
PILOT_BYTES, PILOT_WARM_UP_S, PILOT_S = 100_000_000, 0.3, 1.0
MIN_EVENTS = 1000
EVENT_MARGIN = 1.2  # factor on the number of events: the pilot measured a cold process
ATTEMPTS = 4  # of a cell whose drain was too short

Rates = dict[str, float | None]
"""Events per second by cell, as far as they are known; None: the cell cannot run."""


async def measure(
    testbed: Testbed, cells: Sequence[Cell], family: str = "linear", section: str = "drain"
) -> list[Result]:
    """Run the pilots, then every cell in turn, repetition by repetition.

    One cell's output is checked while the next one's input is written; during a drain nothing else runs.
    """
    rates: Rates = {cell.name: await run_pilot(testbed, cell, family) for cell in cells}
    checks: dict[tuple[str, int], asyncio.Task[DrainMeasurement | None]] = {}
    for repetition in range(testbed.repetitions):
        for cell in cells:
            task = await _drain(testbed, cell, family, f"r{repetition}", rates)
            if task is not None:
                checks[cell.name, repetition] = task
                task.add_done_callback(partial(_print_if_correct, section, cell.name))
    measurements: dict[str, dict[int, DrainMeasurement]] = {cell.name: {} for cell in cells}
    for (name, repetition), task in checks.items():
        if (measurement := await task) is not None:
            measurements[name][repetition] = measurement
    return _results(section, measurements)


async def drain_once(
    testbed: Testbed, cell: Cell, family: str, repetition: str, rates: Rates
) -> DrainMeasurement | None:
    """Drain a cell once; None when that fails. `rates` is updated when the cell turns out to be faster."""
    task = await _drain(testbed, cell, family, repetition, rates)
    return None if task is None else await task


def rates_of(measurements: Mapping[str, Mapping[int, DrainMeasurement]]) -> dict[str, dict[int, float]]:
    """Events per second by cell and repetition."""
    return {
        name: {repetition: measurement.rate for repetition, measurement in by_repetition.items()}
        for name, by_repetition in measurements.items()
    }


def _print_if_correct(section: str, name: str, task: asyncio.Task[DrainMeasurement | None]) -> None:
    measurement = None if task.cancelled() or task.exception() else task.result()
    if measurement is not None:
        print_line(
            f"{section} {name:<17} {measurement.rate:>9,.0f} events/s {measurement.cpu:8.2f} us of CPU an event"
            f"  ({measurement.seconds:.1f} s)"
        )


def _results(section: str, measurements: Mapping[str, Mapping[int, DrainMeasurement]]) -> list[Result]:
    rates = rates_of(measurements)
    floor = rates.get("echo", {})
    throughput = [
        summarize(section, name, "events/s", list(by_repetition.values()), median_ratio(by_repetition, floor))
        for name, by_repetition in rates.items()
    ]
    cpu = [
        summarize(f"{section}-cpu", name, "us/event", [measurement.cpu for measurement in by_repetition.values()])
        for name, by_repetition in measurements.items()
    ]
    return throughput + cpu


async def run_pilot(testbed: Testbed, cell: Cell, family: str = "linear") -> float | None:
    """A first estimate of the events per second, None when the cell cannot run."""
    try:
        count = PILOT_BYTES // len(testbed.events.values(1)[0])
        prepared = await cell.prepare(testbed, f"bench-{cell.name}-pilot", count, family)
    except EnvironmentMissing as error:
        print_line(f"[red]{cell.name}: {error}[/red]")
        return None
    try:
        async with testbed.machine:
            with running_processes(prepared.commands, testbed.folder) as processes:
                rate = await _pilot_rate(testbed, prepared, processes, count)
    except MeasurementError as error:
        print_line(f"[red]{cell.name}: {error}[/red]")
        return None
    finally:
        await testbed.broker.drop(prepared.topics)
    print_line(f"pilot {cell.name:<15} {rate:>9,.0f} events/s")
    return rate


async def _pilot_rate(testbed: Testbed, prepared: PreparedCell, processes: Sequence[BenchProcess], count: int) -> float:
    meter = DrainMeter(testbed.broker, prepared.outputs, prepared.partitions, processes)
    first_at, _ = await meter.await_count(1)
    start, count_at_start = await meter.await_count(count // 2, first_at + PILOT_WARM_UP_S)
    end, count_at_end = await meter.await_count(count, time.perf_counter() + PILOT_S)
    return max(count_at_end - count_at_start, 1) / max(end - start, POLL_INTERVAL_S)


async def _drain(
    testbed: Testbed, cell: Cell, family: str, repetition: str, rates: Rates
) -> asyncio.Task[DrainMeasurement | None] | None:
    """Drain the cell; the task that checks its output gives None when the output is wrong."""
    for attempt in range(ATTEMPTS):
        rate = rates[cell.name]
        if rate is None:
            return None
        count = max(MIN_EVENTS, int(rate * (WARM_UP_S + _min_seconds(testbed)) * EVENT_MARGIN))
        prepared = await cell.prepare(testbed, f"bench-{cell.name}-{repetition}-{attempt}", count, family)
        try:
            measurement = await _measure_drain(testbed, prepared, count)
        except DrainTooShort as error:
            rates[cell.name] = max(rate * 2, error.rate)
        except MeasurementError as error:
            print_line(f"[red]{cell.name}: {error}[/red]")
            rates[cell.name] = None if attempt == ATTEMPTS - 1 else rate
        else:
            return asyncio.create_task(_check(testbed, cell, prepared, count, family, measurement))
        await testbed.broker.drop(prepared.topics)
    print_line(f"[red]{cell.name}: no drain in {ATTEMPTS} attempts[/red]")
    return None


def _min_seconds(testbed: Testbed) -> float:
    return 3.0 if testbed.quick else 5.0


async def _measure_drain(testbed: Testbed, prepared: PreparedCell, count: int) -> DrainMeasurement:
    async with testbed.machine:
        with running_processes(prepared.commands, testbed.folder) as processes:
            meter = DrainMeter(testbed.broker, prepared.outputs, prepared.partitions, processes)
            return await meter.measure(count, WARM_UP_S, _min_seconds(testbed))


async def _check(
    testbed: Testbed, cell: Cell, prepared: PreparedCell, count: int, family: str, measurement: DrainMeasurement
) -> DrainMeasurement | None:
    """The measurement, None if the output is wrong."""
    check = OutputCheck(
        testbed.broker.bootstrap, prepared.outputs, prepared.partitions, prepared.record_format, count,
        str(testbed.model(family).scores_file),
    )  # fmt: skip
    try:
        async with testbed.machine:
            await check_output(check)
            return measurement
    except MeasurementError as error:
        print_line(f"[red]{cell.name}: {error}[/red]")
        return None
    finally:
        await testbed.broker.drop(prepared.topics)
