"""The peers' Python environments: one for each, installed once from a pinned list of packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.report.terminal import print_line

BENCH = Path(__file__).parent
PEER_SCRIPTS = BENCH / "peers"
ENVIRONMENTS = BENCH.parent / ".venv" / "bench"  # not under version control
SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
"""Environment variables of every peer: one thread for mathematics, as in the services, and no warnings in its log."""

READY = "ready.txt"  # a copy of the list that an environment was installed from


class EnvironmentMissing(RuntimeError):
    """A peer's environment is not installed; `make bench-setup` installs it."""


def environment_names() -> list[str]:
    """The names of all environments: one for each list of packages."""
    return sorted(path.stem for path in PEER_SCRIPTS.glob("*.txt"))


def interpreter_of(name: str) -> Path:
    """The Python interpreter of an environment.

    Raises:
        NotSetUp: it is not installed, or from another list.
    """
    folder = ENVIRONMENTS / name
    if not _is_current(name):
        raise EnvironmentMissing(f"the environment {name} is missing or old: run `make bench-setup`")
    return folder / "bin" / "python"


def install_environments(chosen_names: list[str] | None = None) -> None:
    """Install every environment that is missing or whose list has changed."""
    for name in chosen_names or environment_names():
        if _is_current(name):
            print_line(f"{name}: there already")
            continue
        print_line(f"{name}: installing ...")
        _install(name)


def _is_current(name: str) -> bool:
    installed_list = ENVIRONMENTS / name / READY
    return installed_list.exists() and installed_list.read_text() == _pinned_packages(name).read_text()


def _install(name: str) -> None:
    folder = ENVIRONMENTS / name
    _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    _uv(
        "pip", "install", "--quiet", "--compile-bytecode",
        "--python", str(folder / "bin" / "python"), "--requirements", str(_pinned_packages(name)),
    )  # fmt: skip
    (folder / READY).write_text(_pinned_packages(name).read_text())


def _pinned_packages(name: str) -> Path:
    return PEER_SCRIPTS / f"{name}.txt"


def _uv(*arguments: str) -> None:
    subprocess.run([str(Path(sys.executable).parent / "uv"), *arguments], check=True)
