"""Runs the commands of README's section "Your own stream in five minutes"."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from .conftest import Site

README = Path(__file__).parents[2] / "README.md"
SETUP = ("make setup", ". .venv/bin/activate")
ROWS = 200


def commands(first_line: str) -> list[str]:
    """The commands of the section's shell block that begins with this line."""
    section = README.read_text().split("## Your own stream in five minutes")[1].split("\n## ")[0]
    (block,) = [block for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) if block.startswith(first_line)]
    return [line.split("#")[0].strip() for line in block.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a user's file; the label is the last column but one."""
    folder = tmp_path_factory.mktemp("own")
    random = np.random.default_rng(5)
    lines = ["day,speed,colour,late,note"]
    for number in range(ROWS):
        speed, colour = random.normal(), ("red", "blue")[int(random.integers(2))]
        late = "yes" if speed + (colour == "red") + random.normal(0, 0.3) > 0.5 else "no"
        lines.append(f"{np.datetime64('2024-01-01') + number},{speed:.3f},{colour},{late},n{number}")
    (folder / "FILE.csv").write_text("\n".join(lines) + "\n")
    return folder


PROGRESS = re.compile(r"replay: [\d,]+ of ")  # every ten seconds of a command that takes longer


def run(command: str, folder: Path, home: Path) -> str:
    """Run the command; its output. It must succeed and write nothing but its progress to standard error."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.run(
        ["/bin/sh", "-c", command.replace("COLUMN", "late")],
        cwd=folder,
        env={**os.environ, "PATH": path, "PENSTOCK_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, (command, process.stdout, process.stderr)
    assert [line for line in process.stderr.splitlines() if not PROGRESS.match(line)] == [], command
    return process.stdout


def test_the_first_block_runs_the_whole_loop_in_process(folder: Path, tmp_path: Path) -> None:
    lines = commands("make setup")
    assert lines[:2] == list(SETUP)
    outputs = [run(command, folder, tmp_path / "home") for command in lines[2:]]
    assert "stream.toml: stream file, 3 fields" in outputs[0]
    assert "accuracy" in outputs[1]
    assert not (tmp_path / "home").exists()


def test_the_second_block_runs_it_on_the_broker(folder: Path, site: Site) -> None:
    lines = commands("penstock up")
    assert lines[-1] == "penstock down"
    outputs = {command.split(" ")[1]: run(command, folder, site.home.root) for command in lines[:-1]}
    assert outputs["up"].startswith("Penstock was up already.")
    assert re.search(rf"predicted\s+│ {ROWS} ", outputs["replay"])
    assert outputs["stream"].startswith("file: created; the baseline answers until a model is trained")
    assert "ready" in outputs["status"]


def test_the_requests_are_accepted(folder: Path, site: Site) -> None:
    lines = commands("curl -X POST localhost:8010")
    run("penstock stream apply stream.toml", folder, site.home.root)
    services = {"localhost:8010": site.record.url("ingestion"), "localhost:8020": site.record.url("server")}
    for command in lines:
        for default_address, address in services.items():
            command = command.replace(default_address, address)  # noqa: PLW2901
        command = command.replace("NAME", "file").replace("{...}", '{"speed": 1.0, "colour": "red"}')  # noqa: PLW2901
        response = json.loads(run(command.replace("curl", "curl --silent --fail-with-body"), folder, site.home.root))
        assert response["id"]
