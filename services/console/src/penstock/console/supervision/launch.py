"""Starting the supervisor as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from penstock.console.deployment import Deployment
from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home
from penstock.console.supervision.log_files import bound

LOOK_EVERY_S = 0.02

_spawned: list[subprocess.Popen[bytes]] = []
"""Held until the end: a Ctrl-C that comes while such an object is deleted is lost, as every exception there is."""


def spawn(home: Home, lock: int, *, tied: bool = False) -> None:
    """Start the supervisor of a home whose plan is written; it inherits `lock`. Returns once it is at work.

    Raises:
        ConsoleFailure: it ended at once.
    """
    bound(home.log("supervisor"))
    inherited = {"--lock": lock, **({"--tie": _tie()} if tied else {})}
    command = [sys.executable, "-m", "penstock.console.supervision.supervisor", str(home.root)]
    with home.log("supervisor").open("ab") as output:
        process = subprocess.Popen(
            [*command, *(f"{option}={descriptor}" for option, descriptor in inherited.items())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=tuple(inherited.values()),
        )
    _spawned.append(process)
    try:
        _await_first_record(home, process)
    except BaseException:
        process.terminate()
        process.wait()
        raise


def _tie() -> int:
    """The end of a pipe that closes when this process ends, since nobody else holds its other end."""
    end, _held_until_this_process_ends = os.pipe()
    return end


def _await_first_record(home: Home, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        deployment = Deployment.read(home)
        if deployment and deployment.supervisor and deployment.supervisor.pid == process.pid:
            return
        time.sleep(LOOK_EVERY_S)
    raise ConsoleFailure(f"The supervisor ended at once; see {home.log('supervisor')}.")
