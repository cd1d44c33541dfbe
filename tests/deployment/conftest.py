"""The compose file as Docker Compose itself reads it, and the linter: both are pinned Python packages, no engine runs."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a program of the environment on the repository, untouched by what the user's own environment says."""
    home = tmp_path_factory.mktemp("home")

    def run(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(SCRIPTS / name), *map(str, arguments)]
        environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def resolve(tool: Run) -> Callable[..., dict[str, Any]]:
    """What Docker Compose makes of the compose file under an environment file, checked against its specification."""

    def resolved(environment_file: str | Path = "/dev/null") -> dict[str, Any]:
        files = ("--file", "docker-compose.yml", "--env-file", environment_file)
        done = tool("docker-compose", *files, "config", "--format", "json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return resolved


@pytest.fixture(scope="session")
def compose(resolve: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """The compose file as it stands, nothing set."""
    return resolve()
