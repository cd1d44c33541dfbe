"""The peers' environments: one each, made once from pinned lists, so that no peer's needs bend another's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.terminal import say

BENCH = Path(__file__).parent
PEERS = BENCH / "peers"
ENVIRONMENTS = BENCH.parent / ".venv" / "bench"  # what is in .venv is nobody's source
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
"""What every peer is told: one thread for mathematics, as the services have it, and no warnings in its log."""

READY = "ready.txt"  # a copy of the list that an environment was made from


class NotSetUp(RuntimeError):
    """An environment is missing; `make bench-setup` makes it."""


def names() -> list[str]:
    """Every environment that has a list of its own."""
    return sorted(path.stem for path in PEERS.glob("*.txt"))


def interpreter(name: str) -> Path:
    """The Python of an environment.

    Raises:
        NotSetUp: it was not made, or from another list.
    """
    folder = ENVIRONMENTS / name
    if not _is_current(name):
        raise NotSetUp(f"the environment {name} is missing or old: run `make bench-setup`")
    return folder / "bin" / "python"


def set_up(wanted: list[str] | None = None) -> None:
    """Make every environment that is missing or whose list has changed."""
    for name in wanted or names():
        if _is_current(name):
            say(f"{name}: there already")
            continue
        say(f"{name}: installing ...")
        _make(name)


def _is_current(name: str) -> bool:
    made_from = ENVIRONMENTS / name / READY
    return made_from.exists() and made_from.read_text() == _pins(name).read_text()


def _make(name: str) -> None:
    folder = ENVIRONMENTS / name
    _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    _uv(
        "pip", "install", "--quiet", "--compile-bytecode",
        "--python", str(folder / "bin" / "python"), "--requirements", str(_pins(name)),
    )  # fmt: skip
    (folder / READY).write_text(_pins(name).read_text())


def _pins(name: str) -> Path:
    return PEERS / f"{name}.txt"


def _uv(*arguments: str) -> None:
    subprocess.run([str(Path(sys.executable).parent / "uv"), *arguments], check=True)
