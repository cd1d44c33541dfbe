"""Launching the supervisor as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from penstock.console.deployment import Deployment
from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home
from penstock.console.supervision.log_files import open_log_file

POLL_INTERVAL_S = 0.02

_supervisors: list[subprocess.Popen[bytes]] = []
"""Held until the end: a Ctrl-C that comes while such an object is deleted is lost, as every exception there is."""


def launch_supervisor(home: Home, lock: int, *, ends_with_caller: bool = False) -> None:
    """Start the supervisor of a home whose plan is written; it inherits `lock`. Returns once it is at work.

    Raises:
        ConsoleFailure: it ended at once.
    """
    descriptors = {"--lock": lock, **({"--caller-pipe": _caller_pipe()} if ends_with_caller else {})}
    command = [sys.executable, "-m", "penstock.console.supervision.deployment_supervisor", str(home.root)]
    with open_log_file(home.log_file("supervisor")) as output:
        process = subprocess.Popen(
            [*command, *(f"{option}={descriptor}" for option, descriptor in descriptors.items())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=tuple(descriptors.values()),
        )
    _supervisors.append(process)
    try:
        _await_first_record(home, process)
    except BaseException:
        process.terminate()
        process.wait()
        raise


def _caller_pipe() -> int:
    """The reading end of a pipe that closes when this process ends, since no other holds its writing end."""
    reading_end, _held_until_this_process_ends = os.pipe()
    return reading_end


def _await_first_record(home: Home, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        deployment = Deployment.read(home)
        if deployment and deployment.supervisor and deployment.supervisor.pid == process.pid:
            return
        time.sleep(POLL_INTERVAL_S)
    raise ConsoleFailure(f"The supervisor ended at once; see {home.log_file('supervisor')}.")
