"""Supervised child processes: started, probed, restarted and stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

from penstock.runtime.stop_signals import stop_event
from penstock.runtime.supervision import supervised_process
from penstock.runtime.supervision.process_health import HealthStatus, ProcessState
from penstock.runtime.supervision.supervised_process import ProcessHooks, ProcessSpec, ProcessStatus, SupervisedProcess
from penstock.runtime.supervision.supervisor import supervise

SLEEPS = "import time; time.sleep(600)"
IGNORES_SIGTERM = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('started', flush=True); time.sleep(600)"
)
WITH_CHILD = (
    "import subprocess, sys, time; "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print(child.pid, flush=True); time.sleep(600)"
)


def spec(program: str, *arguments: object, **settings: object) -> ProcessSpec:
    command = (sys.executable, "-c", program, *map(str, arguments))
    return ProcessSpec("child", command, **settings)  # type: ignore[arg-type]


def output_to(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("ab")


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (the condition is about another process)
            await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody waited for does not."""
    with suppress(OSError):
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def test_a_process_is_ready_without_a_probe_and_stops() -> None:
    statuses: list[ProcessStatus] = []
    process = SupervisedProcess(spec(SLEEPS), ProcessHooks(on_change=statuses.append))
    run = asyncio.create_task(process.run())
    await process.ready.wait()
    pid = process.status.pid
    assert pid is not None
    process.stop()
    assert await run == 0
    assert not is_alive(pid)
    assert [status.state for status in statuses] == [ProcessState.STARTING, ProcessState.READY, ProcessState.STOPPED]


async def test_the_environment_of_the_spec_is_added(tmp_path: Path) -> None:
    program = "import os, sys; open(sys.argv[1], 'w').write(os.environ['COLOUR'] + os.environ['PATH'])"
    written = tmp_path / "written"
    process = SupervisedProcess(spec(program + "; " + SLEEPS, written, environment={"COLOUR": "blue "}))
    run = asyncio.create_task(process.run())
    await eventually(lambda: written.exists() and written.read_text())
    process.stop()
    await run
    assert written.read_text() == "blue " + os.environ["PATH"]


async def test_a_process_that_ends_is_started_again_after_the_delay_of_so_many_failures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failures: list[int] = []

    def no_delay(count: int) -> float:
        failures.append(count)
        return 0.0

    monkeypatch.setattr(supervised_process, "restart_delay_s", no_delay)
    statuses: list[ProcessStatus] = []
    process = SupervisedProcess(spec("raise SystemExit(1)"), ProcessHooks(on_change=statuses.append))
    run = asyncio.create_task(process.run())
    await eventually(lambda: len(failures) >= 4)
    process.stop()
    assert await run == 0
    assert failures[:4] == [1, 2, 3, 4]
    assert statuses[-1].restarts >= 4
    assert ProcessState.FAILING in {status.state for status in statuses}


async def test_a_process_that_cannot_be_started_is_tried_again() -> None:
    process = SupervisedProcess(ProcessSpec("nowhere", ("/nowhere/program",)))
    run = asyncio.create_task(process.run())
    await eventually(lambda: process.status.restarts >= 2)
    process.stop()
    assert await run == 0


async def test_a_requested_restart_is_not_a_failure() -> None:
    process = SupervisedProcess(spec(SLEEPS))
    run = asyncio.create_task(process.run())
    pids = []
    for _ in range(4):
        await process.ready.wait()
        pids.append(process.status.pid)
        process.restart()
        await eventually(lambda: process.status.pid not in {None, *pids})
    assert process.status.restarts == 4
    assert process.status.state in {ProcessState.STARTING, ProcessState.READY}
    process.stop()
    assert await run == 0


async def test_a_process_that_does_not_stop_within_its_grace_is_killed(tmp_path: Path) -> None:
    output = tmp_path / "output"
    process = SupervisedProcess(spec(IGNORES_SIGTERM, grace_s=0.2), ProcessHooks(open_output=output_to(output)))
    run = asyncio.create_task(process.run())
    await eventually(lambda: output.exists() and output.read_text())
    pid = process.status.pid
    process.stop()
    assert await run == 0
    assert pid is not None
    assert not is_alive(pid)


async def test_nothing_of_a_group_outlives_its_leader(tmp_path: Path) -> None:
    output = tmp_path / "output"
    process = SupervisedProcess(spec(WITH_CHILD, own_group=True), ProcessHooks(open_output=output_to(output)))
    run = asyncio.create_task(process.run())
    await eventually(lambda: output.exists() and output.read_text().endswith("\n"))
    grandchild = int(output.read_text())
    assert is_alive(grandchild)
    assert process.status.pid is not None
    os.kill(process.status.pid, signal.SIGKILL)
    await eventually(lambda: process.status.restarts == 1)
    assert not is_alive(grandchild)
    process.stop()
    await run


async def test_a_stuck_process_is_killed_and_started_again() -> None:
    async def probe() -> HealthStatus:
        return HealthStatus(healthy=False, ready=False)

    process = SupervisedProcess(spec(IGNORES_SIGTERM, start_limit_s=0.3), ProcessHooks(probe=probe))
    run = asyncio.create_task(process.run())
    await eventually(lambda: process.status.restarts >= 1)
    assert not process.ready.is_set()
    process.stop()
    process.kill()
    await run


async def test_a_final_exit_code_stops_every_process() -> None:
    stop = asyncio.Event()
    steady = SupervisedProcess(spec(SLEEPS))
    wrong = SupervisedProcess(spec("raise SystemExit(2)", final_exit_code=2))
    assert await supervise([[steady, wrong]], stop) == 2
    assert stop.is_set()
    assert {process.status.state for process in (steady, wrong)} == {ProcessState.STOPPED}
    assert wrong.status.restarts == 0


async def test_stages_start_one_after_another_and_stop_the_other_way_round() -> None:
    changes: list[tuple[str, ProcessState]] = []

    def process(name: str) -> SupervisedProcess:
        return SupervisedProcess(
            spec(SLEEPS), ProcessHooks(on_change=lambda status: changes.append((name, status.state)))
        )

    broker, service = process("broker"), process("service")
    stop = asyncio.Event()
    run = asyncio.create_task(supervise([[broker], [service]], stop))
    await service.ready.wait()
    stop.set()
    assert await run == 0
    assert changes == [
        ("broker", ProcessState.STARTING),
        ("broker", ProcessState.READY),
        ("service", ProcessState.STARTING),
        ("service", ProcessState.READY),
        ("service", ProcessState.STOPPED),
        ("broker", ProcessState.STOPPED),
    ]


async def test_a_stop_before_the_first_stage_is_ready_starts_no_second() -> None:
    async def probe() -> HealthStatus:
        return HealthStatus(healthy=True, ready=False)

    first, second = SupervisedProcess(spec(SLEEPS), ProcessHooks(probe=probe)), SupervisedProcess(spec(SLEEPS))
    stop = asyncio.Event()
    run = asyncio.create_task(supervise([[first], [second]], stop))
    await eventually(lambda: first.status.state is ProcessState.UNREADY)
    stop.set()
    assert await run == 0
    assert (first.status.state, second.status) == (ProcessState.STOPPED, ProcessStatus())


async def test_a_stage_starts_without_waiting_for_what_is_not_awaited() -> None:
    async def probe() -> HealthStatus:
        return HealthStatus(healthy=True, ready=False)

    viewer = SupervisedProcess(spec(SLEEPS, awaited=False), ProcessHooks(probe=probe))
    broker, service = SupervisedProcess(spec(SLEEPS)), SupervisedProcess(spec(SLEEPS))
    stop = asyncio.Event()
    run = asyncio.create_task(supervise([[viewer, broker], [service]], stop))
    async with asyncio.timeout(20):
        await service.ready.wait()
    assert not viewer.ready.is_set()
    stop.set()
    assert await run == 0


STOPS_AT_SIGNALS = """
import asyncio
from penstock.runtime.stop_signals import stop_event

async def main():
    stop = stop_event()
    print("started", flush=True)
    await stop.wait()

asyncio.run(main())
"""
RAISES_AT_SIGNALS = """
import signal, time
from penstock.runtime.stop_signals import interrupt_at

interrupt_at(signal.SIGINT, signal.SIGTERM)
try:
    print("started", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("program", [STOPS_AT_SIGNALS, RAISES_AT_SIGNALS])
async def test_a_signal_inherited_as_ignored_stops_a_process_all_the_same(program: str, number: signal.Signals) -> None:
    shell = ("sh", "-c", "trap '' INT TERM; exec \"$@\"", "sh", sys.executable, "-c", program)
    process = await asyncio.create_subprocess_exec(*shell, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"started\n"
    process.send_signal(number)
    try:
        async with asyncio.timeout(20):
            assert await process.wait() == 0
    finally:
        with suppress(ProcessLookupError):
            process.kill()


async def test_signals_to_this_process_set_the_stop_event() -> None:
    stop = stop_event()
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)
