"""What is measured is what is shipped: bench/ gives a service the settings of `penstock up` and no others."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bench.cells.penstock_deployment import Deployment
from bench.instruments.processes import Command, environment_of
from penstock.console.home import Home
from penstock.console.plan.service_plans import (
    SERVICES,
    USUAL_PORTS,
    common_settings,
    service_plans,
    telemetry_settings,
)
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.streams import StreamDeclared
from penstock.runtime.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
PORTS = {name: 20_000 + number for number, name in enumerate(USUAL_PORTS)}
OURS = re.compile(r"(PENSTOCK|KAFKA|OTEL|AWS)_[A-Z_]+|DATABASE_URL")
TOML = """
[stream]
name = "bench"
task = "regression"
[label]
name = "y"
[fields]
x = { type = "number" }
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A deployment as bench/ makes it, without a broker."""
    stream = StreamDeclared(
        source="test", id="1", time="2026-01-01T00:00:00Z", version=1, declaration=parse_declaration(TOML)
    )
    return Deployment("some", Home(tmp_path), stream, PORTS)


def settings_of_up(deployment: Deployment, service: str) -> dict[str, str]:
    settings = common_settings(deployment.home, f"127.0.0.1:{PORTS['broker']}", "some") | telemetry_settings(None, {})
    return dict(
        next(plan for plan in service_plans(deployment.home, PORTS, settings) if plan.name == service).environment
    )


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_settings_of_up(deployment: Deployment, service: str) -> None:
    assert dict(deployment.service(service).environment) == settings_of_up(deployment, service)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stream_child_has_the_settings_of_its_supervisor(deployment: Deployment, workers: int) -> None:
    children = deployment.scorers(workers)
    assert len(children) == workers
    for number, child in enumerate(children):
        assert list(child.arguments[1:]) == ["-m", "penstock.server.stream"]
        added = {
            name: value
            for name, value in child.environment.items()
            if settings_of_up(deployment, "server").get(name) != value
        }
        port = str(PORTS["server-stream"] + number)
        assert set(added) <= {"PENSTOCK_SUPERVISOR", "PENSTOCK_STREAM_PORT"}
        assert child.environment["PENSTOCK_STREAM_PORT"] == port


def test_an_http_child_has_the_settings_of_its_supervisor(deployment: Deployment) -> None:
    (child,) = deployment.http()
    assert list(child.arguments[1:]) == ["-m", "penstock.server.http"]
    assert set(child.environment) - set(settings_of_up(deployment, "server")) == {"PENSTOCK_SUPERVISOR"}


def test_a_service_inherits_no_setting(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings_of_services():
        monkeypatch.setenv(name, "1")
    command = deployment.service("server")
    inherited = {name for name in environment_of(command) if OURS.fullmatch(name)}
    assert inherited == {name for name in command.environment if OURS.fullmatch(name)}


def test_nothing_in_bench_names_a_setting() -> None:
    """Peers have variables of their own; a setting of Penstock comes from the console's functions or not at all."""
    settings = [
        f"{path.relative_to(ROOT)}: {text}"
        for path in sorted((ROOT / "bench").rglob("*.py"))
        for text in texts_in(path)
        if settings_in(text)
    ]
    assert settings == []


def texts_in(path: Path) -> Iterator[str]:
    """Every string and keyword in a file, docstrings included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg


def settings_in(text: str) -> set[str]:
    """The settings whose names are in a text."""
    words = set(re.findall(r"[A-Z]+(?:_[A-Z]+)+", text))
    return words & settings_of_services() | {word for word in words if word.startswith("OTEL_")}


@cache
def settings_of_services() -> set[str]:
    """The environment variables that any of the ten services reads, except telemetry's."""
    names: set[str] = set()
    for service in SERVICES:
        module = importlib.import_module(f"penstock.{service.replace('-', '_')}.settings")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, ServiceSettings):
                names |= {(field.alias or name).upper() for name, field in value.model_fields.items()}
    return names


def test_a_setting_is_recognized_in_strings_and_keywords(tmp_path: Path) -> None:
    file = tmp_path / "cell.py"
    file.write_text(
        'environment = {"PENSTOCK_STREAM_WORKERS": "2"} | dict(KAFKA_BOOTSTRAP_SERVERS="x")\n'
        'print("set OTEL_TRACES_SAMPLER=always_on")'
    )
    settings = {name for text in texts_in(file) for name in settings_in(text)}
    assert settings == {"PENSTOCK_STREAM_WORKERS", "KAFKA_BOOTSTRAP_SERVERS", "OTEL_TRACES_SAMPLER"}


def test_commands_are_what_processes_are_started_with() -> None:
    assert environment_of(Command("x", [], {"A": "b"}))["A"] == "b"
