"""A service as a process: its start, its health routes, and its exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from penstock.runtime.runner import _forever

SERVICE = """
import asyncio
from typing import Annotated
from pydantic import Field
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from penstock.bus.routes import Group, route
from penstock.contracts.topics import COMMANDS
from penstock.runtime.runner import _forever, run
from penstock.runtime.service import Service
from penstock.runtime.settings import ServiceSettings, SettingsError

class TinySettings(ServiceSettings):
    trouble: Annotated[str, Field(alias="TROUBLE")] = ""
    names: Annotated[list[str], Field(alias="NAMES")] = []

def build(settings, resources):
    async def hello(_):
        return PlainTextResponse("hello")
    async def task():
        if settings.trouble == "bug":
            raise ZeroDivisionError("planted")
        if settings.trouble == "setting":
            raise SettingsError("TROUBLE: expected none")
        await asyncio.Event().wait()
    if settings.trouble == "wiring":
        raise SettingsError("TROUBLE: expected a key file")
    def opened(unit, state):
        return [route(COMMANDS, lambda batch: [])]
    return Service(
        groups=[Group("tiny", (COMMANDS,), opened, stateful=True)],
        app=Starlette(routes=[Route("/hello", hello)]),
        tasks=[task],
        health=lambda: {"fact": 7},
    )

run("tiny", TinySettings, build)
"""
NOWHERE = "127.0.0.1:1"  # nothing listens there


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def command(folder: Path) -> list[str]:
    script = folder / "service.py"
    script.write_text(SERVICE)
    return [sys.executable, str(script)]


def environment(folder: Path, **settings: str) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "PENSTOCK_", "OTEL_"))
    }
    plain = {
        "PENSTOCK_DATA_FOLDER": str(folder / "data"),
        "KAFKA_BOOTSTRAP_SERVERS": NOWHERE,
        "PENSTOCK_DURABILITY": "development",
    }
    return {**inherited, **plain, "PENSTOCK_PORT": str(free_port()), "PENSTOCK_NAMESPACE": "tiny", **settings}


class RunningService:
    """A service under test, and a client of it."""

    def __init__(self, process: subprocess.Popen[str], port: str) -> None:
        self.process = process
        self._address = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self._address + path, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait_for(self, path: str, status: int) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.communicate()[1]
            try:
                code, body = self.get(path)
            except OSError:
                code, body = 0, ""
            if code == status:
                return body
            time.sleep(0.05)
        raise AssertionError(f"{path} never answered {status}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


@contextmanager
def start_service(folder: Path, **settings: str) -> Iterator[RunningService]:
    environ = environment(folder, **settings)
    process = subprocess.Popen(command(folder), env=environ, stderr=subprocess.PIPE, text=True)
    try:
        yield RunningService(process, environ["PENSTOCK_PORT"])
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def run_to_end(folder: Path, **settings: str) -> tuple[int, str]:
    done = subprocess.run(
        command(folder), env=environment(folder, **settings), capture_output=True, text=True, timeout=120, check=False
    )
    assert not done.stdout
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"PENSTOCK_PORT": "0"}, "PENSTOCK_PORT: Input should be greater than or equal to 1"),
        ({"PENSTOCK_PORT": "http"}, "PENSTOCK_PORT: Input should be a valid integer"),
        ({"PENSTOCK_HOST": "no.such.host.invalid"}, "cannot listen on no.such.host.invalid"),
        ({"PENSTOCK_NAMESPACE": "a.b"}, "PENSTOCK_NAMESPACE: String should match pattern"),
        ({"PENSTOCK_LOG_LEVEL": "loud"}, "PENSTOCK_LOG_LEVEL: Input should be 'DEBUG', 'INFO'"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "broker"}, "KAFKA_BOOTSTRAP_SERVERS: expected host:port"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "broker:x"}, "KAFKA_BOOTSTRAP_SERVERS: expected host:port"),
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL: Input should be 'PLAINTEXT', 'SSL'"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "set KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME"),
        ({"KAFKA_SSL_CA_FILE": "/nowhere/ca.pem"}, "KAFKA_SSL_CA_FILE: Path does not point to a file"),
        ({"KAFKA_REPLICATION_FACTOR": "0"}, "KAFKA_REPLICATION_FACTOR: Input should be greater"),
        ({"OTEL_TRACES_SAMPLER_ARG": "most"}, "OTEL_TRACES_SAMPLER_ARG is 'most'; expected a number from 0 to 1"),
        ({"PENSTOCK_CHECKPOINTS": "ftp://x"}, "PENSTOCK_CHECKPOINTS: no place for files"),
        ({"NAMES": "{"}, "error parsing value for field"),
        ({"TROUBLE": "wiring"}, "TROUBLE: expected a key file"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path, settings: Mapping[str, str], message: str) -> None:
    code, errors = run_to_end(tmp_path, **settings)
    assert code == 2, errors
    (line,) = errors.splitlines()
    assert line.startswith("tiny: ")
    assert message in line


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, errors = run_to_end(tmp_path, PENSTOCK_PORT=port)
    assert code == 2
    assert errors.splitlines() == [
        f"tiny: cannot listen on 127.0.0.1:{port}: Address already in use; set PENSTOCK_PORT"
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_without_a_broker_it_waits_says_so_and_can_be_stopped(tmp_path: Path, number: signal.Signals) -> None:
    with start_service(tmp_path) as service:
        health = json.loads(service.wait_for("/healthz", 200))
        assert health == {"service": "tiny", "version": version("penstock-runtime"), "status": "starting", "fact": 7}
        assert service.get("/readyz")[0] == 503
        assert service.get("/hello") == (200, "hello")
        code, errors = service.stop(number)
    assert code == 0
    assert "Traceback" not in errors


def test_with_a_broker_it_becomes_ready_and_ends_with_code_0(tmp_path: Path, broker: str) -> None:
    with start_service(tmp_path, KAFKA_BOOTSTRAP_SERVERS=broker) as service:
        assert json.loads(service.wait_for("/readyz", 200)) == {"service": "tiny", "ready": True}
        assert json.loads(service.get("/healthz")[1])["status"] == "ok"
        status, metrics = service.get("/metrics")
        assert status == 200
        assert "# TYPE penstock_records_consumed_total counter" in metrics
        code, errors = service.stop()
    assert (code, "Traceback" in errors) == (0, False)


def test_one_copy_of_a_confirmed_record_is_refused_in_production_in_one_line(tmp_path: Path, broker: str) -> None:
    production = {"PENSTOCK_DURABILITY": "production", "PENSTOCK_LOG_LEVEL": "ERROR"}
    code, errors = run_to_end(tmp_path, KAFKA_BOOTSTRAP_SERVERS=broker, **production)
    assert code == 2
    (line,) = errors.splitlines()
    assert line.startswith("tiny: PENSTOCK_DURABILITY: a confirmed record of tiny.alerts and ")
    assert "PENSTOCK_DURABILITY=development" in line


def test_a_bug_ends_it_with_code_1_and_a_setting_found_wrong_later_with_code_2(tmp_path: Path, broker: str) -> None:
    code, errors = run_to_end(tmp_path, KAFKA_BOOTSTRAP_SERVERS=broker, TROUBLE="bug")
    assert code == 1
    assert '"error":{"message":"planted"' in errors
    assert '"type":"ZeroDivisionError"' in errors
    code, errors = run_to_end(tmp_path, KAFKA_BOOTSTRAP_SERVERS=broker, TROUBLE="setting", PENSTOCK_LOG_LEVEL="ERROR")
    assert (code, errors) == (2, "tiny: TROUBLE: expected none\n")


async def _cancelled_from_within() -> None:
    raise asyncio.CancelledError


async def test_work_that_is_cancelled_from_within_is_an_error_and_no_stop() -> None:
    with pytest.raises(RuntimeError, match="the worker ended by itself"):
        await _forever(_cancelled_from_within(), "the worker")
    stopped = asyncio.create_task(_forever(asyncio.Event().wait(), "the worker"))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    stopped.cancel()
    await asyncio.wait({stopped})
    assert stopped.cancelled()
