"""`penstock up`, interrupted: nothing stays behind, and the next one carries on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from penstock.console.deployment import Deployment
from penstock.console.home import Home
from penstock.console.local_ports import free_ports
from penstock.console.plan.service_plans import USUAL_PORTS
from penstock.console.supervision.home_lock import is_locked

from .conftest import SIGINT_IGNORED, alive, eventually


def processes_of(home: Home) -> list[psutil.Process]:
    """The supervisor of this home and all that it started, as far as they live."""
    deployment = Deployment.read(home)
    if deployment is None or deployment.supervisor is None:
        return []
    supervisor = deployment.supervisor.find()
    return [supervisor, *supervisor.children(recursive=True)] if supervisor else []


def interrupt_start(home: Home, options: Sequence[str], launcher: Sequence[str]) -> list[psutil.Process]:
    """Run `up` until its supervisor has started something, interrupt it, and return what had been started."""
    with subprocess.Popen(
        [*launcher, sys.executable, "-m", "penstock.console", "up", *options],
        env={**os.environ, "PENSTOCK_HOME": str(home.root)},
        stderr=subprocess.PIPE,
    ) as up:
        try:
            eventually(lambda: len(processes_of(home)) > 1 or up.poll() is not None, limit_s=120)
            assert up.poll() is None, up.stderr and up.stderr.read().decode()
            started = processes_of(home)
            up.send_signal(signal.SIGINT)
            assert up.wait(120) == (0 if "--foreground" in options else 130)
        finally:
            up.kill()
    return started


def cluster_id(home: Home) -> str:
    properties = (home.kafka / "storage" / "meta.properties").read_text().splitlines()
    return next(line for line in properties if line.startswith("cluster.id="))


@pytest.mark.parametrize("launcher", [(), SIGINT_IGNORED], ids=["", "sigint-ignored"])
@pytest.mark.parametrize("options", [[], ["--foreground"]], ids=["", "foreground"])
def test_an_interrupted_start_leaves_nothing_behind(
    tmp_path: Path, options: Sequence[str], launcher: Sequence[str]
) -> None:
    home = Home(tmp_path / "home")
    names = [name for name in USUAL_PORTS if name != "zipkin"]
    ports = zip(names, free_ports(len(names)), strict=True)  # the usual ones may be another test's at the same moment
    options = [*options, *(f"--port={name}={port}" for name, port in ports)]
    started = interrupt_start(home, options, launcher)
    assert not alive(started)
    assert not is_locked(home)
    first = cluster_id(home)
    interrupt_start(home, options, launcher)
    assert cluster_id(home) == first
