"""Docker Compose's own reading of the compose file, and the linter: both are pinned Python packages; no engine runs."""

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

RunTool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def tool(tmp_path_factory: pytest.TempPathFactory) -> RunTool:
    """Runs a program of the virtual environment on the repository, without the user's environment variables."""
    home = tmp_path_factory.mktemp("home")

    def run(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(SCRIPTS / name), *map(str, arguments)]
        environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def resolve(tool: RunTool) -> Callable[..., dict[str, Any]]:
    """Resolves the compose file with an environment file, as Docker Compose does, and checks it."""

    def resolve_with(environment_file: str | Path = "/dev/null") -> dict[str, Any]:
        files = ("--file", "docker-compose.yml", "--env-file", environment_file)
        process = tool("docker-compose", *files, "config", "--format", "json")
        assert process.returncode == 0, process.stderr
        compose: dict[str, Any] = json.loads(process.stdout)
        return compose

    return resolve_with


@pytest.fixture(scope="session")
def compose(resolve: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """The compose file without an environment file."""
    return resolve()
