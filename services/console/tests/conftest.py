"""Homes, and processes that stand in for services."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil
import pytest

from penstock.console.deployment import Deployment
from penstock.console.home import Home, prepare
from penstock.console.local_ports import free_ports
from penstock.console.process_plan import Plan, ProcessPlan
from penstock.console.supervision.home_lock import take_lock
from penstock.console.supervision.launch import launch_supervisor
from penstock.console.supervision.lifecycle import await_ready, stop

ANSWERS = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
HOLDS_A_PARTITION = ANSWERS.replace(
    "self.end_headers()",
    """self.end_headers(); self.wfile.write(b'{"failing": {"penstock.loans.events/1": "the batch is corrupt"}}')""",
)
KNOWS_RETENTION = ANSWERS.replace(
    "self.end_headers()",
    """self.end_headers(); self.wfile.write(b'{"failure": null, "topics": ['
        b'{"topic": "penstock.loans.events", "group": "drift-detector", "seconds": 93600, "share": 0.149,'
        b' "level": "low"},'
        b'{"topic": "penstock.alerts", "group": "registry", "seconds": null, "share": 1.0, "level": "ample"}]}')""",
)
WITH_CHILD = (
    "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])" + ANSWERS
)
IGNORES_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + ANSWERS
NEVER_ANSWERS = "import time; time.sleep(600)"
ENDS = "import sys; sys.exit('the port of the neighbour is missing')"

SIGINT_IGNORED = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")
"""Put before a command, it starts with SIGINT ignored, as in the background of a shell without job control."""


def eventually(condition: Callable[[], object], limit_s: float = 30.0) -> None:
    """Wait until `condition` holds."""
    give_up = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < give_up, "did not come about"
        time.sleep(0.05)


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; one that ended but that nobody has waited for counts as ended."""
    return [process for process in processes if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:  # ended between the two
        return False


class FakeDeployment:
    """A home in which fake services run under a real supervisor."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def start(self, children: tuple[str, ...] = (), **programs: str) -> None:
        """Launch the supervisor of one process per program, all said to have these children."""
        ports = free_ports(len(programs))
        processes = tuple(
            self._plan(*process, children) for process in zip(programs, programs.values(), ports, strict=True)
        )
        ports = {process.name: process.port for process in processes}
        Plan(namespace="test", bootstrap="127.0.0.1:1", ports=ports, processes=processes).write(self.home)
        lock = take_lock(self.home)
        assert lock is not None
        launch_supervisor(self.home, lock)
        os.close(lock)

    def start_ready(self, **programs: str) -> Deployment:
        """Start, and wait until all are ready."""
        self.start(**programs)
        return await_ready(self.home)

    def read(self) -> Deployment:
        """The record as it is now."""
        deployment = Deployment.read(self.home)
        assert deployment is not None
        return deployment

    def _plan(self, name: str, program: str, port: int, children: tuple[str, ...]) -> ProcessPlan:
        url = f"http://127.0.0.1:{port}"
        return ProcessPlan(
            name=name,
            command=(sys.executable, "-c", program, str(port)),
            port=port,
            url=url,
            ready=f"{url}/readyz",
            health=f"{url}/healthz",
            children=children,
            first=name == "broker",
            start_limit_s=0.5 if program is NEVER_ANSWERS else 30,
            grace_s=0.5,
        )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home, which commands find too."""
    made = Home(tmp_path / "home")
    monkeypatch.setenv("PENSTOCK_HOME", str(made.root))
    prepare(made)
    return made


@pytest.fixture
def deployment(home: Home) -> Iterator[FakeDeployment]:
    """Fake services, all stopped at the end."""
    fake = FakeDeployment(home)
    yield fake
    stop(home)
