"""Restart requests: a small file names the process, and a signal tells the supervisor to read it."""

from __future__ import annotations

import signal
import time

from penstock.console.deployment import Deployment, running_deployment
from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home

RESTART_SIGNAL = signal.SIGUSR1
POLL_INTERVAL_S = 0.1


def restart_and_wait(home: Home, process: str, limit_s: float = 120.0) -> None:
    """Have the supervisor restart a process, and wait until it is ready again.

    Raises:
        ConsoleFailure: nothing runs, there is no such process, or it is not ready within `limit_s`.
    """
    before = running_deployment(home)
    if process not in before.processes:
        names = ", ".join(before.processes)
        raise ConsoleFailure(f"There is no service {process!r}; there are {names}.", status=2)
    _request_restart(home, before, process)
    give_up = time.monotonic() + limit_s
    while time.monotonic() < give_up:
        record = running_deployment(home).processes[process]
        if record.is_ready and record.process != before.processes[process].process:
            return
        time.sleep(POLL_INTERVAL_S)
    raise ConsoleFailure(f"{process} is not ready after {limit_s:.0f} s; see {home.log_file(process)}.")


def pop_restart_requests(home: Home) -> list[str]:
    """The names of the processes that shall be restarted; each request is returned once."""
    requests = sorted((home.run / "restart").glob("*"))
    for request in requests:
        request.unlink(missing_ok=True)
    return [request.name for request in requests]


def _request_restart(home: Home, deployment: Deployment, process: str) -> None:
    folder = home.run / "restart"
    folder.mkdir(exist_ok=True)
    (folder / process).touch()
    if deployment.supervisor:
        deployment.supervisor.signal(RESTART_SIGNAL)
