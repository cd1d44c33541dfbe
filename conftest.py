"""What every test may ask for: a real broker (one for the whole run), one thread a process, and its turn."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from penstock.console.broker.standalone import running_broker

# Two workers with two threads each wait for one another more than they work; read when numpy is first imported.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

# A busy machine is no failure, and a failure must be there again when it is looked for.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

END_TO_END = "tests/end_to_end/"


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Kafka broker that lives as long as the test run."""
    home: Path = tmp_path_factory.mktemp("broker")
    with running_broker(home) as bootstrap:
        yield bootstrap


class FileScheduling(LoadFileScheduling):
    """Gives each file to one worker, and the real deployments, which share the usual ports, all to the same."""

    def _split_scope(self, nodeid: str) -> str:
        return END_TO_END if nodeid.startswith(END_TO_END) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileScheduling:
    """How several workers divide the tests, `pytest -n 2`."""
    return FileScheduling(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail when a test was skipped: there is none that a machine of ours could not run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
