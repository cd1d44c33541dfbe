"""The Dockerfile that builds every service's image."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from penstock.console.plan.service_plans import SERVICES

DOCKERFILE = Path("deploy/docker/Dockerfile")


@pytest.fixture(scope="module")
def dockerfile(root: Path) -> str:
    """The text of the Dockerfile."""
    return (root / DOCKERFILE).read_text()


def test_it_lints_clean(tool: Callable[..., Any]) -> None:
    process = tool("hadolint", "--no-color", DOCKERFILE)
    assert (process.returncode, process.stdout) == (0, "")


def test_the_linter_can_fail(tool: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:latest\n")
    assert "DL3007" in tool("hadolint", "--no-color", tmp_path / "Dockerfile").stdout


def test_every_base_is_pinned(dockerfile: str) -> None:
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert len(set(bases)) == 1, "what is built on one base image must run on the same"
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", bases[0])


def test_nothing_runs_as_root(dockerfile: str) -> None:
    last = dockerfile.rsplit("\nFROM ", 1)[1]
    users = re.findall(r"^USER (\d+):", last, re.MULTILINE)
    assert len(users) == 1
    assert int(users[0]) > 0


def test_what_is_copied_exists_and_reaches_the_builder(dockerfile: str, root: Path) -> None:
    ignored, *rules = [
        line for line in (root / f"{DOCKERFILE}.dockerignore").read_text().splitlines() if line[:1] not in ("", "#")
    ]
    allowed = [rule[1:] for rule in rules if rule.startswith("!")]
    assert ignored == "*", "only what is named may reach the builder"
    for sources in re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile, re.MULTILINE):
        for source in sources.replace("/${SERVICE}", "").split():
            assert (root / source).exists()
            assert any(source == path or source.startswith(f"{path}/") for path in allowed), source


def test_every_image_is_of_a_service_that_starts(compose: dict[str, Any], root: Path) -> None:
    built = {name: service["build"] for name, service in compose["services"].items() if "build" in service}
    assert {name: build["args"]["SERVICE"] for name, build in built.items() if name != "keys"} == {
        name: name for name in SERVICES
    }
    for build in built.values():
        service = build["args"]["SERVICE"]
        assert build["dockerfile"] == str(DOCKERFILE)
        assert (root / "services" / service / "pyproject.toml").is_file()
        assert find_spec(f"penstock.{service.replace('-', '_')}.__main__") is not None
