"""What a service imports before it has anything to do: learners and statistics come with the first use of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = frozenset({"bentoml", "pandas", "pyarrow", "river", "scipy.special", "scipy.stats", "skops", "sklearn"})
"""Each takes tenths of a second and tens of megabytes."""

ALLOWED: dict[str, frozenset[str]] = {
    "penstock.archiver.__main__": frozenset({"pyarrow"}),
    "penstock.console.__main__": frozenset(),
    "penstock.console.web.__main__": frozenset({"pyarrow"}),
    "penstock.console.supervision.deployment_supervisor": frozenset(),
    "penstock.drift_detector.__main__": frozenset(),
    "penstock.ingestion.__main__": frozenset(),
    "penstock.notifier.__main__": frozenset(),
    "penstock.registry.__main__": frozenset(),
    "penstock.retrain_trigger.__main__": frozenset(),
    "penstock.server.__main__": frozenset(),
    "penstock.server.http": frozenset(),
    "penstock.server.stream": frozenset(),
    "penstock.trainer.__main__": frozenset({"pyarrow"}),
    "penstock.validator.__main__": frozenset(),
}
"""Every process of a deployment, and which of them it may import at once."""

LIST_SLOW = "import importlib, sys; importlib.import_module(sys.argv[1]); print(*set(sys.argv[2:]) & set(sys.modules))"


@pytest.mark.parametrize("module", ALLOWED)
def test_it_starts_without_what_only_learning_needs(module: str) -> None:
    command = [sys.executable, "-c", LIST_SLOW, module, *SLOW]
    imported = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert set(imported) == ALLOWED[module]
