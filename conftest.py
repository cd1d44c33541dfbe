"""What every test may ask for: a real broker (one for the whole run) and a log of either kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from penstock.console.broker.standalone import running_broker

# A busy machine is no failure, and a failure must be there again when it is looked for.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Kafka broker that lives as long as the test run."""
    home: Path = tmp_path_factory.mktemp("broker")
    with running_broker(home) as bootstrap:
        yield bootstrap


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail when a test was skipped: there is none that a machine of ours could not run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
