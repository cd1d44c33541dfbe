"""Bringing a deployment up, waiting for it, and taking it down."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from penstock.console.deployment import Deployment
from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home, prepare
from penstock.console.plan.plan_builder import StartOptions, make_plan
from penstock.console.process_identity import await_gone
from penstock.console.supervision.failing_service import failing_process
from penstock.console.supervision.home_lock import is_locked, take_lock
from penstock.console.supervision.launch import launch_supervisor
from penstock.console.supervision.orphans import kill_orphans

if TYPE_CHECKING:
    from penstock.console.broker.download import Progress

POLL_INTERVAL_S = 0.1
STOP_LIMIT_S = 60.0
LOCK_WAIT_S = 2.0
READY_LIMIT_S = 300.0
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

ShowDeployment = Callable[[Deployment], None]
"""Called with the deployment again and again while a command waits for it."""


def start(
    home: Home, options: StartOptions, progress: Progress | None = None, *, ends_with_caller: bool = False
) -> bool:
    """Start a supervisor in `home`; false if one is there already.

    It runs on when this process ends, unless it `ends_with_caller`: then it stops, however this process ended.

    Raises:
        ConsoleFailure: the home cannot be used, a port is taken, or something needed cannot be obtained.
    """
    prepare(home)
    lock = None if _is_supervised(home) else take_lock(home, LOCK_WAIT_S)
    if lock is None:
        return False
    try:
        kill_orphans(home)
        make_plan(home, options, progress).write(home)
        launch_supervisor(home, lock, ends_with_caller=ends_with_caller)
    finally:
        os.close(lock)
    return True


def await_ready(home: Home, show: ShowDeployment = lambda _: None, limit_s: float = READY_LIMIT_S) -> Deployment:
    """Wait until every process can work.

    Raises:
        ConsoleFailure: a process ends again and again or is not ready in time, or the deployment was stopped meanwhile.
    """
    end = time.monotonic() + limit_s
    while True:
        deployment = Deployment.read(home)
        if deployment and deployment.is_supervised:
            show(deployment)
            if deployment.is_ready:
                return deployment
            if failure := failing_process(home, deployment.processes):
                raise failure
            _raise_if_late(deployment, end, limit_s)
        elif not is_locked(home):
            raise ConsoleFailure(f"Penstock was stopped while it started; see {home.log_file('supervisor')}.")
        time.sleep(POLL_INTERVAL_S)


def await_end(home: Home) -> None:
    """Wait until the supervisor of `home` has ended."""
    deployment = Deployment.read(home)
    if deployment and deployment.supervisor:
        await_gone(deployment.supervisor)


def stop(home: Home) -> bool:
    """Stop what runs in `home` and wait until it is gone; false if nothing ran.

    Works too when the supervisor was killed: what it left behind is killed.

    Raises:
        ConsoleFailure: another command is starting this home at the moment.
    """
    deployment = Deployment.read(home)
    supervisor = deployment.supervisor if deployment else None
    ran = supervisor is not None and supervisor.signal(signal.SIGTERM)
    if supervisor and ran and not await_gone(supervisor, STOP_LIMIT_S):
        supervisor.signal(signal.SIGKILL)
        await_gone(supervisor)
    return _kill_leftovers(home) or ran


@contextmanager
def running(
    home: Home, options: StartOptions, progress: Progress | None = None, show: ShowDeployment = lambda _: None
) -> Iterator[Deployment]:
    """A deployment for the length of the block; one that runs already is used, and left running.

    Raises:
        ConsoleFailure: it cannot be brought up.
    """
    started = False
    try:
        started = start(home, options, progress, ends_with_caller=True)
        yield await_ready(home, show)
    finally:
        if started:
            stop_ignoring_signals(home)


def stop_ignoring_signals(home: Home) -> bool:
    """`stop`, during which Ctrl-C, SIGTERM and SIGHUP do nothing: a second one would leave processes behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in END_SIGNALS}
    try:
        return stop(home)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_supervised(home: Home) -> bool:
    deployment = Deployment.read(home)
    return deployment is not None and deployment.is_supervised


def _raise_if_late(deployment: Deployment, end: float, limit_s: float) -> None:
    if time.monotonic() > end:
        waiting = [name for name, record in deployment.processes.items() if not record.is_ready]
        raise ConsoleFailure(
            f"Not ready after {limit_s:.0f} s: {', '.join(waiting)}. See: penstock status, penstock logs {waiting[0]}"
        )


def _kill_leftovers(home: Home) -> bool:
    if not home.run.exists():
        return False
    lock = take_lock(home, LOCK_WAIT_S)
    if lock is None:
        raise ConsoleFailure(f"Another command is starting {home.root} at the moment; try again.")
    try:
        return kill_orphans(home) > 0
    finally:
        os.close(lock)
