"""The cells of the HTTP section: what serves, where it is asked, with which body, and where the score stands."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.environments import PEERS, QUIET, interpreter
from bench.events import ID_TAIL
from bench.lab import Lab
from bench.load import MARK
from bench.models import Trained
from bench.processes import Command
from bench.shipped import deploy
from bench.stream import CATEGORIES, NAME, NUMBERS
from penstock.console.local_ports import free_ports
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import DeclarationError, parse_declaration, write_declaration

PREDICT = f"/v1/streams/{NAME}/predict"
MODEL = f"/v1/streams/{NAME}/model"


class Missing(Exception):
    """The cell cannot be measured yet; the message says why."""


@dataclass(frozen=True)
class Served:
    """A server that is ready to be started: `score` finds its answer in a reply, None where it gives none.

    `logged` is the topic that must hold an event for each reply.
    """

    commands: Sequence[Command]
    port: int
    path: str
    ready: str
    body: Callable[[Lab], str]
    score: Callable[[Any], float | None]
    content_type: str = "application/json"
    logged: str | None = None


@dataclass(frozen=True)
class HttpCell:
    """A name, and what makes its server ready to be started."""

    name: str
    prepare: Callable[[Lab], Awaitable[Served]]


def event_body(lab: Lab) -> str:
    """The first event, whose id is the number of the request."""
    (value,) = lab.events.values(1)
    return value.decode().replace(f"{0:012d}{ID_TAIL}", MARK + ID_TAIL)


async def penstock_durable(lab: Lab) -> Served:
    """The shipped http child; the event is on the log before the reply."""
    return await _penstock(lab, "bench-http-durable", lab.declaration)


async def penstock_fast(lab: Lab) -> Served:
    """The same on a stream declared to be answered first and logged after."""
    return await _penstock(lab, "bench-http-fast", declared_fast(lab.folder))


def declared_fast(folder: Path) -> Declaration:
    """The stream with fast answers over HTTP.

    Raises:
        Missing: declarations do not know of it.
    """
    text = (folder / "stream.toml").read_text() + "\n" + write_declaration({"serving": {"http": "fast"}})
    try:
        return parse_declaration(text)
    except DeclarationError as error:
        raise Missing(f"the declaration refuses it: {error}") from error


async def _penstock(lab: Lab, namespace: str, declaration: Declaration) -> Served:
    deployment = await deploy(lab.broker, lab.folder, namespace, declaration, lab.trained())
    return Served(
        [Command(namespace, command.arguments, command.environment) for command in deployment.http()],
        deployment.ports["server"],
        PREDICT,
        MODEL,
        event_body,
        lambda reply: float(reply["probabilities"]["yes"]),
        logged=deployment.received,
    )


async def empty_route(_: Lab) -> Served:
    """A FastAPI route that does nothing, in Penstock's own environment."""
    (port,) = free_ports(1)
    command = Command("empty-route", [sys.executable, str(PEERS / "http_empty.py")], {"BENCH_PORT": str(port)})
    return Served([command], port, "/empty", "/openapi.json", event_body, lambda _: None)


async def bentoml(lab: Lab) -> Served:
    """BentoML with adaptive batching."""
    (port,) = free_ports(1)
    program = str(interpreter("bentoml").parent / "bentoml")
    told = {
        **_model(lab.trained()),
        "BENTOML_HOME": str(lab.folder / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "PATH": f"{interpreter('bentoml').parent}:/usr/bin:/bin",
    }
    arguments = [program, "serve", "http_bentoml:Scorer", "--port", str(port), "--host", "127.0.0.1"]
    command = Command("bentoml", arguments, told, PEERS)
    return Served([command], port, "/predict", "/readyz", lambda lab: json.dumps({"x": [_coded(lab)]}), lambda r: r[0])


async def mlserver(lab: Lab) -> Served:
    """MLServer with adaptive batching."""
    ports = free_ports(3)
    folder = lab.folder / "mlserver"
    folder.mkdir()
    listening = dict(zip(("http_port", "grpc_port", "metrics_port"), ports, strict=True))
    settings = {"host": "127.0.0.1", "parallel_workers": 0, "debug": False, "use_structured_logging": False}
    (folder / "settings.json").write_text(json.dumps(settings | listening))
    model = {"name": NAME, "implementation": "http_mlserver.Scorer", "max_batch_size": 64, "max_batch_time": 0.002}
    (folder / "model-settings.json").write_text(json.dumps(model))
    program = str(interpreter("mlserver").parent / "mlserver")
    told = {**_model(lab.trained()), "PYTHONPATH": str(PEERS)}
    command = Command("mlserver", [program, "start", str(folder)], told, folder)
    return Served(
        [command], ports[0], f"/v2/models/{NAME}/infer", "/v2/health/ready", _tensor,
        lambda reply: reply["outputs"][0]["data"][0],
    )  # fmt: skip


async def mlflow(lab: Lab) -> Served:
    """`mlflow models serve` with a scikit-learn pipeline."""
    (port,) = free_ports(1)
    python, saved = interpreter("mlflow"), lab.folder / "mlflow-model"
    told = {
        **_model(lab.trained()),
        "PATH": f"{python.parent}:/usr/bin:/bin",
        "HOME": str(lab.folder),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONPATH": str(PEERS),
    }
    await asyncio.to_thread(_save_for_mlflow, python, saved, told)
    arguments = [
        str(python.parent / "mlflow"), "models", "serve", "--model-uri", str(saved), "--env-manager", "local",
        "--port", str(port), "--host", "127.0.0.1", "--workers", "1",
    ]  # fmt: skip
    command = Command("mlflow", arguments, told)
    return Served([command], port, "/invocations", "/ping", _frame, lambda reply: reply["predictions"][0][1])


HTTP = (
    HttpCell("penstock-durable", penstock_durable),
    HttpCell("penstock-fast", penstock_fast),
    HttpCell("empty-route", empty_route),
    HttpCell("bentoml", bentoml),
    HttpCell("mlserver", mlserver),
    HttpCell("mlflow", mlflow),
)


def _save_for_mlflow(python: Path, saved: Path, told: dict[str, str]) -> None:
    command = [str(python), str(PEERS / "save_for_mlflow.py"), str(saved)]
    subprocess.run(command, check=True, env=told, cwd=saved.parent, capture_output=True)


def _model(trained: Trained) -> dict[str, str]:
    return QUIET | {"BENCH_MODEL": str(trained.file), "BENCH_PIPELINE": str(trained.estimator)}


def _coded(lab: Lab) -> list[float]:
    """The first event as 22 numbers, its categories coded beforehand: less work than an event asks for."""
    rows, texts = lab.events.rows, lab.trained().model.encoder.vocabularies
    codes = [texts[name].index(text[0]) for name, text in zip(CATEGORIES, (rows.segments, rows.merchants), strict=True)]
    return [*rows.numbers[0].tolist(), *map(float, codes)]


def _tensor(lab: Lab) -> str:
    row = _coded(lab)
    return json.dumps({"inputs": [{"name": "x", "shape": [1, len(row)], "datatype": "FP64", "data": row}]})


def _frame(lab: Lab) -> str:
    rows = lab.events.rows
    row = [*rows.numbers[0].tolist(), rows.segments[0], rows.merchants[0]]
    return json.dumps({"dataframe_split": {"columns": [*NUMBERS, *CATEGORIES], "data": [row]}})
