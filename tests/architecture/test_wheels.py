"""Each service deploys alone: its wheel, with only what it declares, starts in an environment of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from penstock.console.home import Home, prepare
from penstock.console.local_ports import free_ports
from penstock.console.plan.keys import ensure_keys
from penstock.console.plan.service_plans import SERVICES, USUAL_PORTS, common_settings, service_plans
from penstock.console.process_plan import ProcessPlan

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")


def uv(*arguments: str | Path) -> None:
    done = subprocess.run([UV, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def uv_from_its_cache(*arguments: str | Path) -> None:
    """What was installed here once needs no network; a machine that has never done so downloads."""
    if subprocess.run([UV, *arguments, "--offline"], cwd=ROOT, capture_output=True, check=False).returncode:
        uv(*arguments)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    uv("build", "--all-packages", "--wheel", "--no-build-isolation", "--offline", "--quiet", "-o", folder)
    return folder


def declared_with(requirement: Requirement, found: dict[str, set[str]]) -> dict[str, set[str]]:
    """The requirement and all that comes with it on this machine, by name, with the extras that were asked for."""
    name = canonicalize_name(requirement.name)
    if name in found and requirement.extras <= found[name]:
        return found
    found[name] = found.get(name, set()) | requirement.extras
    for line in requires(name) or ():
        following = Requirement(line)
        if _applies(following, found[name]):
            declared_with(following, found)
    return found


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras})


def pins_of(names: set[str]) -> str:
    """The part of constraints.txt that concerns these distributions, hashes included."""
    blocks = re.split(r"\n(?=\S)", (ROOT / "constraints.txt").read_text().strip())
    return "\n".join(block for block in blocks if canonicalize_name(re.split(r"[=\s]", block)[0]) in names) + "\n"


def environment_with(distribution: str, wheels: Path, folder: Path) -> Path:
    """A new environment with the wheel of `distribution` and what it declares; the answer is its Python."""
    return environment_of(set(declared_with(Requirement(distribution), {})), wheels, folder)


def environment_of(names: set[str], wheels: Path, folder: Path) -> Path:
    """A new environment with these distributions: ours from `wheels`, the others as they are pinned."""
    (folder / "pins.txt").write_text(pins_of(names))
    python = folder / "venv/bin/python"
    uv("venv", "--quiet", "--python", sys.executable, folder / "venv")
    uv_from_its_cache(
        "pip", "install", "--quiet", "--python", python, "--no-deps", "--require-hashes", "-r", folder / "pins.txt"
    )
    ours = sorted(name for name in names if name.startswith("penstock"))
    uv("pip", "install", "--quiet", "--python", python, "--no-deps", "--no-index", "--find-links", wheels, *ours)
    uv("pip", "check", "--quiet", "--python", python)
    return python


@pytest.fixture(scope="session")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ProcessPlan]:
    """How each service is started on one machine, with a broker that is not there."""
    home = Home(tmp_path_factory.mktemp("home"))
    prepare(home)
    ensure_keys(home)
    ports = dict(zip(USUAL_PORTS, free_ports(len(USUAL_PORTS)), strict=True))
    return {
        plan.name: plan
        for plan in service_plans(home, ports, common_settings(home, f"127.0.0.1:{ports['broker']}", "wheels"))
    }


@pytest.fixture
def process() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for one in started:
        if one.poll() is None:
            one.kill()
        one.communicate()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_with_no_more_than_it_declares(
    service: str, wheels: Path, plans: dict[str, ProcessPlan], tmp_path: Path, process: list[subprocess.Popen[str]]
) -> None:
    python = environment_with(f"penstock-{service}", wheels, tmp_path)
    plan = plans[service]
    command = [str(python), *plan.command[1:]]
    process.append(subprocess.Popen(command, env=alone(plan), cwd=tmp_path, stderr=subprocess.PIPE, text=True))
    assert answered(plan.health or "", process[0]) == 200
    assert answered(plan.ready or "", process[0]) == 503, "there is no broker"
    process[0].send_signal(signal.SIGTERM)
    _, errors = process[0].communicate(timeout=60)
    assert process[0].returncode == 0, errors
    assert "Traceback" not in errors


def test_the_command_starts_with_no_more_than_it_declares(wheels: Path, tmp_path: Path) -> None:
    python = environment_with("penstock-console", wheels, tmp_path)
    for arguments in (["--help"], ["status"]):
        done = subprocess.run(
            [python.with_name("penstock"), *arguments],
            env={**os.environ, "PENSTOCK_HOME": str(tmp_path / "home")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert done.returncode == 0 or arguments == ["status"], done.stderr


def test_one_distribution_brings_all_of_penstock(wheels: Path, tmp_path: Path) -> None:
    """`pip install penstock` in a clean environment: a first declaration and a replay work from the wheels alone."""
    declared: dict[str, set[str]] = {}
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
        declared_with(Requirement(line), declared)
    penstock = environment_of({"penstock", *declared}, wheels, tmp_path).with_name("penstock")
    rows = "".join(f"{number},{number % 7},{'no' if number % 7 < 3 else 'yes'}\n" for number in range(600))
    (tmp_path / "rows.csv").write_text("day,size,late\n" + rows)
    for command in (
        ["stream", "init", "rows.csv", "--label", "late", "--output", "stream.toml"],
        ["replay", "rows.csv", "--stream", "stream.toml", "--in-process", "--report", "report.json"],
    ):
        done = subprocess.run(
            [penstock, *command],
            env={**os.environ, "PENSTOCK_HOME": str(tmp_path / "home")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "report.json").read_text())["predicted"] == 600


def alone(plan: ProcessPlan) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PENSTOCK_", "KAFKA_", "PYTHON"))}
    return {**kept, **plan.environment}


def answered(url: str, process: subprocess.Popen[str]) -> int:
    """The status of `url`, once somebody answers there."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"nobody answered at {url}")
