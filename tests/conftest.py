"""Fixtures for the tests of the whole system: the electricity file and its declaration."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.console.table.table import Table, open_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import read_declaration

from .electricity import REAL, electricity_file

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def electricity(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Half-hours of an electricity market; label `class`."""
    return open_table(electricity_file(tmp_path_factory.mktemp("electricity")))


@pytest.fixture(scope="session")
def electricity_declaration() -> Declaration:
    """The repository's example declaration of that file."""
    return read_declaration(ROOT / "examples" / "electricity" / "stream.toml")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print which data the tests read."""
    origin = "read from" if REAL.is_file() else "generated in the same shape, for want of"
    terminalreporter.write_line(f"electricity: {origin} {REAL}")
