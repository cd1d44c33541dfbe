"""How many requests a second an HTTP child answers: 32 connections, one worker each, one event a request.

All servers run at the same time, and one is asked at a time. Before it counts, each must answer with the model's score.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.cells import PARTITIONS
from bench.environments import NotSetUp
from bench.http_cells import HTTP, HttpCell, Missing, Served
from bench.lab import Lab
from bench.load import MARK, Found, Orders
from bench.processes import Failed, Running, check_alive, start
from bench.results import Result, result
from bench.terminal import say

READY_WITHIN_S = 90.0
LOOK_EVERY_S = 0.2
LOOKS = 25  # at the log, until what was answered must be on it
SHARE = 0.8  # of what a server can do, at which its waits are looked at
TOLERANCE = 1e-6  # some answer with 32-bit floats
APART = 10_000_000  # numbers between the first requests of two measurements


@dataclass(frozen=True)
class Standing:
    """A server that answers."""

    cell: HttpCell
    served: Served
    processes: Sequence[Running]


async def measure(lab: Lab, names: Sequence[str] | None = None) -> list[Result]:
    """Start every server, see that it answers rightly, and ask them in turn, repetition by repetition."""
    cells = [cell for cell in HTTP if names is None or cell.name in names]
    found: dict[str, dict[int, Found]] = {cell.name: {} for cell in cells}
    with ExitStack() as stack:
        standing = await stand(lab, cells, stack)
        for repetition in range(lab.repetitions):
            for one in standing:
                answers = await ask(lab, one, repetition)
                if answers is not None:
                    found[one.cell.name][repetition] = answers
                    _tell(one, answers)
        for one in standing:
            await _look_at_log(lab, one, found[one.cell.name])
        busy = (
            {} if lab.quick else {one.cell.name: await _at_a_rate(lab, one, found[one.cell.name]) for one in standing}
        )
    return _results(found) + [result("http-p99-at-80", name, "ms", waits) for name, waits in busy.items()]


async def stand(lab: Lab, cells: Sequence[HttpCell], stack: ExitStack) -> list[Standing]:
    """The servers that came to answer rightly; the stack stops them all."""
    started = [one for cell in cells if (one := await _start(lab, cell, stack)) is not None]
    return [one for one in started if await _is_right(lab, one)]


async def ask(
    lab: Lab, one: Standing, repetition: int, connections: int = 32, rate: float | None = None
) -> Found | None:
    """What the load generator finds, None when requests fail. Without a `rate` a connection is never idle."""
    seconds, first = 1.5 if lab.quick else 5.0, (repetition + 1) * APART
    try:
        where = _where(lab, one)
        answers = await load(Orders(**where, seconds=seconds, first=first, connections=connections, rate=rate))
        check_alive(one.processes)
        if answers.errors or not answers.answers:
            raise Failed(f"{answers.errors} of {answers.answers} requests failed")
    except Failed as error:
        say(f"[red]{one.cell.name}: {error}[/red]")
        return None
    return answers


async def _look_at_log(lab: Lab, one: Standing, found: dict[int, Found]) -> None:
    """Forget the figures of a server whose replies are not all on the log: it answered what it may have lost."""
    if one.served.logged is None:
        return
    replies, held = sum(answers.sent for answers in found.values()), 0
    for _ in range(LOOKS):
        held = await lab.broker.count([one.served.logged], PARTITIONS)
        if held >= replies:
            return
        await asyncio.sleep(LOOK_EVERY_S)
    say(f"[red]{one.cell.name}: {replies} replies, but only {held} events are on the log[/red]")
    found.clear()


async def _at_a_rate(lab: Lab, one: Standing, found: Mapping[int, Found]) -> list[float]:
    """The 99th percentile at 80 % of the requests a second that were found, as often as they were."""
    waits = []
    for repetition in found:
        rate = SHARE * median(answers.answers / answers.seconds for answers in found.values())
        answers = await ask(lab, one, len(found) + repetition, rate=rate)
        if answers is not None:
            say(f"http {one.cell.name:<16} at {rate:>8,.0f} requests/s: p99 {answers.p99:6.1f} ms")
            waits.append(answers.p99)
    return waits


def _tell(one: Standing, answers: Found) -> None:
    say(
        f"http {one.cell.name:<16} {answers.answers / answers.seconds:>8,.0f} requests/s, p50 {answers.p50:6.1f} ms, "
        f"p99 {answers.p99:6.1f} ms  (load generator: {answers.cpu / answers.seconds:.0%} of a core)"
    )


def _results(found: dict[str, dict[int, Found]]) -> list[Result]:
    rows = []
    for name, answers in found.items():
        speeds = [one.answers / one.seconds for one in answers.values()]
        rows.append(result("http", name, "requests/s", speeds))
    for name, answers in found.items():
        rows.append(result("http-p99", name, "ms", [one.p99 for one in answers.values()]))
    return rows


async def _start(lab: Lab, cell: HttpCell, stack: ExitStack) -> Standing | None:
    try:
        served = await cell.prepare(lab)
    except (Missing, NotSetUp) as error:
        say(f"[yellow]{cell.name}: missing: {error}[/yellow]")
        return None
    processes = []
    for command in served.commands:
        process = start(command, lab.folder)
        stack.callback(process.stop)
        processes.append(process)
    return Standing(cell, served, processes)


async def _is_right(lab: Lab, one: Standing) -> bool:
    """Whether it comes to answer, and with the model's score."""
    try:
        await _ready(one)
        reply = await asyncio.to_thread(_post, one.served, one.served.body(lab).replace(MARK, f"{1:012d}"))
        score, expected = one.served.score(reply), float(lab.trained().scores[0])
        if score is not None and abs(score - expected) > TOLERANCE:
            raise Failed(f"it answers {score}, the model {expected}")
    except Failed as error:
        say(f"[red]{one.cell.name}: {error}[/red]")
        return False
    say(f"{one.cell.name} answers")
    return True


async def _ready(one: Standing) -> None:
    give_up = asyncio.get_running_loop().time() + READY_WITHIN_S
    while not await asyncio.to_thread(_is_ready, one.served):
        check_alive(one.processes)
        if asyncio.get_running_loop().time() > give_up:
            raise Failed(f"it was not ready within {READY_WITHIN_S:g} s\n{one.processes[0].tail()}")
        await asyncio.sleep(LOOK_EVERY_S)


def _is_ready(served: Served) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{served.port}{served.ready}", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _post(served: Served, body: str) -> Any:
    address = f"http://127.0.0.1:{served.port}{served.path}"
    request = urllib.request.Request(address, body.encode(), {"Content-Type": served.content_type})
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.loads(reply.read())
    except OSError as error:
        raise Failed(f"it does not answer {address}: {error}") from error


def _where(lab: Lab, one: Standing) -> dict[str, Any]:
    served = one.served
    return {
        "port": served.port,
        "path": served.path,
        "body": served.body(lab),
        "content_type": served.content_type,
    }


async def load(orders: Orders) -> Found:
    """Have the load generator do as ordered, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        output, _ = await process.communicate(json.dumps(asdict(orders)).encode())
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise Failed(f"the load generator ended with {process.returncode}")
    return Found(**json.loads(output))
