"""How fast a cell works off what lies on the log already: events a second, and CPU per event.

After 2 s of warm-up a cell drains for at least 5 s (quick: 3 s). How many events that takes is found by a pilot.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial

from bench.cells import Cell, Prepared
from bench.checking import Orders, check
from bench.clock import LOOK_EVERY_S, Clock, Drained, TooShort
from bench.environments import NotSetUp
from bench.lab import Lab
from bench.processes import Failed, Running, running
from bench.results import Result, ratio, result
from bench.terminal import say

WARM_UP_S = 2.0
PILOT_BYTES, PILOT_WARM_UP_S, PILOT_S = 100_000_000, 0.3, 1.0
FEWEST = 1000
MORE = 1.2  # than the pilot's rate asks for: it saw a cold process
TRIES = 4  # of a cell whose drain was too short


async def measure(lab: Lab, cells: Sequence[Cell], family: str = "linear", section: str = "drain") -> list[Result]:
    """Pilots, then every cell in turn, repetition by repetition.

    While one cell's output is read, the next one's input is written; nothing else runs during a drain.
    """
    rates = {cell.name: await pilot(lab, cell, family) for cell in cells}
    checked: dict[tuple[str, int], asyncio.Task[Drained | None]] = {}
    for repetition in range(lab.repetitions):
        for cell in cells:
            task = await _begun(lab, cell, family, f"r{repetition}", rates)
            if task is not None:
                checked[cell.name, repetition] = task
                task.add_done_callback(partial(_tell, section, cell.name))
    found: dict[str, dict[int, Drained]] = {cell.name: {} for cell in cells}
    for (name, repetition), task in checked.items():
        if (drained := await task) is not None:
            found[name][repetition] = drained
    return _results(section, found)


def _tell(section: str, name: str, task: asyncio.Task[Drained | None]) -> None:
    drained = None if task.cancelled() or task.exception() else task.result()
    if drained is not None:
        say(
            f"{section} {name:<17} {drained.rate:>9,.0f} events/s {drained.cpu:8.2f} us of CPU an event"
            f"  ({drained.seconds:.1f} s)"
        )


async def drained_once(
    lab: Lab, cell: Cell, family: str, repetition: str, rates: dict[str, float | None]
) -> Drained | None:
    """One drain of a cell whose rate is about what `rates` says, None when it fails; a better rate is noted there."""
    task = await _begun(lab, cell, family, repetition, rates)
    return None if task is None else await task


def _results(section: str, found: dict[str, dict[int, Drained]]) -> list[Result]:
    speeds = {name: {at: one.rate for at, one in cell.items()} for name, cell in found.items()}
    echo = speeds.get("echo", {})
    rows = [
        result(section, name, "events/s", list(speed.values()), ratio(speed, echo)) for name, speed in speeds.items()
    ]
    costs = [
        result(f"{section}-cpu", name, "us/event", [one.cpu for one in cell.values()]) for name, cell in found.items()
    ]
    return rows + costs


async def pilot(lab: Lab, cell: Cell, family: str = "linear") -> float | None:
    """A first guess at events a second, None when the cell cannot run."""
    try:
        count = PILOT_BYTES // len(lab.events.values(1)[0])
        prepared = await cell.prepare(lab, f"bench-{cell.name}-pilot", count, family)
    except NotSetUp as error:
        say(f"[red]{cell.name}: {error}[/red]")
        return None
    try:
        async with lab.machine:
            with running(prepared.commands, lab.folder) as processes:
                rate = await _first_rate(lab, prepared, processes, count)
    except Failed as error:
        say(f"[red]{cell.name}: {error}[/red]")
        return None
    finally:
        await lab.broker.drop(prepared.topics)
    say(f"pilot {cell.name:<15} {rate:>9,.0f} events/s")
    return rate


async def _first_rate(lab: Lab, prepared: Prepared, processes: Sequence[Running], count: int) -> float:
    clock = Clock(lab.broker, prepared.outputs, prepared.partitions, processes)
    first, _ = await clock.until(1)
    began, before = await clock.until(count // 2, first + PILOT_WARM_UP_S)
    ended, after = await clock.until(count, time.perf_counter() + PILOT_S)
    return max(after - before, 1) / max(ended - began, LOOK_EVERY_S)


async def _begun(
    lab: Lab, cell: Cell, family: str, repetition: str, rates: dict[str, float | None]
) -> asyncio.Task[Drained | None] | None:
    """The drain, done; the task checks its output and says None when that is wrong."""
    for attempt in range(TRIES):
        rate = rates[cell.name]
        if rate is None:
            return None
        count = max(FEWEST, int(rate * (WARM_UP_S + at_least(lab)) * MORE))
        prepared = await cell.prepare(lab, f"bench-{cell.name}-{repetition}-{attempt}", count, family)
        try:
            drained = await _drained(lab, prepared, count)
        except TooShort as short:
            rates[cell.name] = max(rate * 2, short.rate)
        except Failed as error:
            say(f"[red]{cell.name}: {error}[/red]")
            rates[cell.name] = None if attempt == TRIES - 1 else rate
        else:
            return asyncio.create_task(_checked(lab, cell, prepared, count, family, drained))
        await lab.broker.drop(prepared.topics)
    say(f"[red]{cell.name}: no drain in {TRIES} tries[/red]")
    return None


def at_least(lab: Lab) -> float:
    """Seconds over which a drain is looked at."""
    return 3.0 if lab.quick else 5.0


async def _drained(lab: Lab, prepared: Prepared, count: int) -> Drained:
    async with lab.machine:
        with running(prepared.commands, lab.folder) as processes:
            clock = Clock(lab.broker, prepared.outputs, prepared.partitions, processes)
            return await clock.drained(count, WARM_UP_S, at_least(lab))


async def _checked(
    lab: Lab, cell: Cell, prepared: Prepared, count: int, family: str, drained: Drained
) -> Drained | None:
    scores = lab.trained(family).scores_file
    orders = Orders(lab.broker.bootstrap, prepared.outputs, prepared.partitions, prepared.form, count, str(scores))
    try:
        async with lab.machine:
            await check(orders)
            return drained
    except Failed as error:
        say(f"[red]{cell.name}: {error}[/red]")
        return None
    finally:
        await lab.broker.drop(prepared.topics)
