"""The server as processes, on a real broker: its children, `bentoml serve`, and a Bento."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from penstock.artifacts import FileStore, generate_seal_key
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.publisher import Publisher
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.batch import Outputs, output
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import EVENTS, MODELS, PREDICTIONS, STREAMS

ROOT = Path(__file__).parents[1]
NAMESPACE = "server-processes"
CLIENT = httpx.Client(timeout=30)
SIGINT_IGNORED = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")
"""Put before a command, it starts with SIGINT ignored, as in the background of a shell without job control."""


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def _eventually(condition: Callable[[], Any], limit: float = 240.0) -> Any:
    give_up = time.monotonic() + limit
    while True:
        try:
            if result := condition():
                return result
        except httpx.HTTPError:
            pass
        assert time.monotonic() < give_up, "did not come about"
        time.sleep(0.2)


@contextmanager
def _running(command: list[str], environment: dict[str, str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    with output.open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        processes = _with_children(process)
        process.terminate()
        for survivor in psutil.wait_procs(processes, timeout=30)[1]:
            survivor.kill()
        process.wait()


def _with_children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    if process.poll() is not None:
        return []
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(True)]


@dataclass
class Deployed:
    """A broker with a stream and its models on it, and the environment of a server beside it."""

    environment: dict[str, str]
    broker: str
    registry: Any

    def address(self, port: str) -> str:
        return f"http://127.0.0.1:{self.environment[port]}"

    async def start(self) -> None:
        stream = self.registry.declared()
        async with self._publishing() as publisher:
            await self.log.create([*control_topics(NAMESPACE), *stream_topics(NAMESPACE, stream)])
            await publisher.publish([output(STREAMS, stream), output(MODELS, self.registry.epoch(0))])
            await publisher.publish([output(MODELS, self.registry.epoch(1, *self.registry.trained()))])

    async def send(self, numbers: range) -> None:
        """Put events on the log as the validator would."""
        sent = [
            {"specversion": "1.0", "type": "penstock.event.v1", **self.registry.event(number)} for number in numbers
        ]
        keys = [event["data"]["person"].encode() for event in sent]
        async with self._publishing() as publisher:
            await publisher.publish([Outputs(EVENTS, "loans", [json.dumps(event).encode() for event in sent], keys)])

    async def predicted(self) -> int:
        """How many predictions are on the log."""
        async with self._publishing():
            ends = await self.log.end_offsets(
                [(PREDICTIONS.name(NAMESPACE, "loans"), partition) for partition in range(2)]
            )
            return sum(ends.values())

    @asynccontextmanager
    async def _publishing(self) -> AsyncIterator[Publisher]:
        self.log = KafkaLog(Connection(self.broker), NAMESPACE, "test", 1)
        streams = Streams()
        streams.apply(self.registry.declared())
        publisher = Publisher(self.log, NAMESPACE, streams)
        yield publisher
        await publisher.close()
        await self.log.close()


@pytest.fixture(scope="module")
def deployed(broker: str, new_registry: Any, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """A stream with a trained model on a real broker, and no server yet."""
    folder = tmp_path_factory.mktemp("server")
    generate_seal_key(folder / "answer.key")
    registry = new_registry(folder, FileStore(folder / "artifacts"))
    port, stream_port = _free_ports(2)
    made = Deployed(
        os.environ
        | {
            "KAFKA_BOOTSTRAP_SERVERS": broker,
            "PENSTOCK_NAMESPACE": NAMESPACE,
            "PENSTOCK_DURABILITY": "development",
            "PENSTOCK_PORT": str(port),
            "PENSTOCK_STREAM_PORT": str(stream_port),
            "PENSTOCK_ARTIFACTS": str(folder / "artifacts"),
            "PENSTOCK_TRUSTED_KEYS": str(folder / "trusted.pem"),
            "PENSTOCK_ANSWER_KEY": str(folder / "answer.key"),
            "PENSTOCK_DATA_FOLDER": str(folder / "data"),
            "BENTOML_HOME": str(folder / "bentoml"),
            "OTEL_TRACES_EXPORTER": "none",
            "TMPDIR": str(folder),
        },
        broker,
        registry,
    )
    asyncio.run(made.start())
    return made


def test_children_answer_are_started_again_and_all_stop_when_told(deployed: Deployed, tmp_path: Path) -> None:
    http, scoring = deployed.address("PENSTOCK_PORT"), deployed.address("PENSTOCK_STREAM_PORT")
    asyncio.run(deployed.send(range(50)))
    with _running([sys.executable, "-m", "penstock.server"], deployed.environment, tmp_path / "log") as server:
        _eventually(lambda: _epochs(http) == _epochs(scoring) == {"loans": 1})
        response = CLIENT.post(f"{http}/v1/streams/loans/predict", json=deployed.registry.event(1, income=5.0))
        assert (response.status_code, response.json()["value"]) == (200, "yes")
        _eventually(lambda: asyncio.run(deployed.predicted()) == 50)
        http_child, stream_child = psutil.Process(server.pid).children()
        assert "penstock.server.http" in http_child.cmdline()
        stream_child.kill()
        asyncio.run(deployed.send(range(50, 60)))
        _eventually(lambda: asyncio.run(deployed.predicted()) == 60)
        processes = _with_children(server)
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
        assert not psutil.wait_procs(processes, timeout=10)[1]
    assert "Traceback" not in (tmp_path / "log").read_text()


def _epochs(address: str) -> Any:
    return CLIENT.get(f"{address}/healthz").json().get("epochs")


@pytest.mark.parametrize("launcher", [(), SIGINT_IGNORED], ids=["", "sigint-ignored"])
def test_an_interrupt_stops_the_server_and_its_children(
    deployed: Deployed, tmp_path: Path, launcher: tuple[str, ...]
) -> None:
    command = [*launcher, sys.executable, "-m", "penstock.server"]
    with _running(command, deployed.environment, tmp_path / "log") as server:
        _eventually(lambda: _epochs(deployed.address("PENSTOCK_PORT")) == {"loans": 1})
        processes = _with_children(server)
        assert len(psutil.Process(server.pid).children()) == 2
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0
        assert not psutil.wait_procs(processes, timeout=10)[1]


def test_http_children_share_a_port_and_none_outlives_a_server_that_is_killed(
    deployed: Deployed, tmp_path: Path
) -> None:
    several = deployed.environment | {"PENSTOCK_HTTP_WORKERS": "2", "PENSTOCK_STREAM_WORKERS": "0"}
    with _running([sys.executable, "-m", "penstock.server"], several, tmp_path / "log") as server:
        log = tmp_path / "log"
        _eventually(lambda: log.read_text().count("epoch 1 serves") == 2)
        assert _epochs(deployed.address("PENSTOCK_PORT")) == {"loans": 1}
        processes = _with_children(server)
        assert len(psutil.Process(server.pid).children()) == 2
        server.kill()
        assert not psutil.wait_procs(processes, timeout=60)[1]


def test_a_wrong_setting_ends_everything_with_one_line(tmp_path: Path) -> None:
    wrong = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "PENSTOCK_TRUSTED_KEYS": str(tmp_path / "nowhere.pem"),
        "PENSTOCK_ARTIFACTS": str(tmp_path / "artifacts"),
        "PENSTOCK_DATA_FOLDER": str(tmp_path),
        "PENSTOCK_HTTP_WORKERS": "0",
        "PENSTOCK_STREAM_PORT": str(_free_ports(1)[0]),
        "PENSTOCK_LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "penstock.server"]
    done = subprocess.run(command, env=wrong, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("server: PENSTOCK_TRUSTED_KEYS: cannot read the key file")


def test_bentoml_serves_and_builds_the_same_service(deployed: Deployed, tmp_path: Path) -> None:
    port, bentoml = deployed.environment["PENSTOCK_PORT"], [sys.executable, "-m", "bentoml"]
    serve = [*bentoml, "serve", "penstock.server.bento:service", "--port", port]
    with _running(serve, deployed.environment, tmp_path / "log"):
        body = {"stream": "loans", "events": [deployed.registry.event(1, income=5.0)]}
        (answer,) = _eventually(lambda: _answers(CLIENT.post(f"http://127.0.0.1:{port}/predict", json=body)))
        assert (answer["id"], answer["value"], answer["epoch"]) == ("e1", "yes", 1)
        build = [*bentoml, "build", str(ROOT), "--output", "tag"]
        built = subprocess.run(
            build, env=deployed.environment, capture_output=True, text=True, timeout=120, check=False
        )
    assert built.returncode == 0, built.stderr
    assert "penstock-server" in built.stdout


def _answers(response: httpx.Response) -> Any:
    return response.json() if response.status_code == 200 else None
