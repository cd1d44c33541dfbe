"""`penstock up`, interrupted: nothing stays behind, and the next one carries on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from penstock.console.deployment import Deployment
from penstock.console.home import Home
from penstock.console.supervision.home_lock import is_locked

from .conftest import eventually


def children_of(home: Home) -> list[psutil.Process]:
    """All living processes that were started for this home."""
    deployment = Deployment.read(home)
    if deployment is None or deployment.supervisor is None:
        return []
    supervisor = deployment.supervisor.find()
    return [supervisor, *supervisor.children(recursive=True)] if supervisor else []


def started(command: list[str], home: Home) -> list[psutil.Process]:
    """Run `up` until its supervisor has started something, interrupt it, and give what had been started."""
    with subprocess.Popen(
        [sys.executable, "-m", "penstock.console", *command],
        env={**os.environ, "PENSTOCK_HOME": str(home.root)},
        stderr=subprocess.PIPE,
    ) as up:
        try:
            eventually(lambda: len(children_of(home)) > 1, limit_s=120)
            seen = children_of(home)
            up.send_signal(signal.SIGINT)
            assert up.wait(120) == (0 if "--foreground" in command else 130)
        finally:
            up.kill()
    return seen


def cluster(home: Home) -> str:
    properties = (home.kafka / "storage" / "meta.properties").read_text().splitlines()
    return next(line for line in properties if line.startswith("cluster.id="))


@pytest.mark.parametrize("command", [["up"], ["up", "--foreground"]])
def test_an_interrupted_start_leaves_nothing_behind(tmp_path: Path, command: list[str]) -> None:
    home = Home(tmp_path / "home")
    seen = started(command, home)
    assert not [one for one in seen if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert not is_locked(home)
    first = cluster(home)
    started(command, home)
    assert cluster(home) == first
