"""The cells of the HTTP section: servers, with the request that each gets and the score in its response."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cells.penstock_deployment import deploy
from bench.instruments.load_generator import NUMBER_PLACEHOLDER
from bench.instruments.processes import Command
from bench.peer_environments import PEER_SCRIPTS, SINGLE_THREADED, interpreter_of
from bench.testbed import Testbed
from bench.workload.events import ID_TAIL
from bench.workload.models import TrainedModel
from bench.workload.stream import CATEGORIES, NAME, NUMBERS
from penstock.console.local_ports import free_ports
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import DeclarationError, parse_declaration, write_declaration

PREDICT = f"/v1/streams/{NAME}/predict"
MODEL = f"/v1/streams/{NAME}/model"


class CellUnavailable(Exception):
    """The cell cannot be measured; the message says why."""


@dataclass(frozen=True)
class ServerSpec:
    """How to start a server and send to it; `score` reads the score from a response, None if there is none.

    `ready_path` answers 200 once the server is ready. `logged` is the topic that must hold an event for each response.
    """

    commands: Sequence[Command]
    port: int
    path: str
    ready_path: str
    body: Callable[[Testbed], str]
    score: Callable[[Any], float | None]
    content_type: str = "application/json"
    logged: str | None = None


@dataclass(frozen=True)
class HttpCell:
    """A named cell; `prepare` makes what its server needs."""

    name: str
    prepare: Callable[[Testbed], Awaitable[ServerSpec]]


def event_body(testbed: Testbed) -> str:
    """The first event, with a placeholder for the request's number in its id."""
    (value,) = testbed.events.values(1)
    return value.decode().replace(f"{0:012d}{ID_TAIL}", NUMBER_PLACEHOLDER + ID_TAIL)


async def penstock_durable(testbed: Testbed) -> ServerSpec:
    """The shipped http child; the event is on the log before the response."""
    return await _penstock(testbed, "bench-http-durable", testbed.declaration)


async def penstock_fast(testbed: Testbed) -> ServerSpec:
    """The same on a stream with `serving.http = "fast"`: the event is logged after the response."""
    return await _penstock(testbed, "bench-http-fast", fast_declaration(testbed.folder))


def fast_declaration(folder: Path) -> Declaration:
    """The stream's declaration with `serving.http = "fast"`.

    Raises:
        CellUnavailable: the declaration is refused.
    """
    text = (folder / "stream.toml").read_text() + "\n" + write_declaration({"serving": {"http": "fast"}})
    try:
        return parse_declaration(text)
    except DeclarationError as error:
        raise CellUnavailable(f"the declaration is refused: {error}") from error


async def _penstock(testbed: Testbed, namespace: str, declaration: Declaration) -> ServerSpec:
    deployment = await deploy(testbed.broker, testbed.folder, namespace, declaration, testbed.model())
    return ServerSpec(
        [Command(namespace, command.arguments, command.environment) for command in deployment.http()],
        deployment.ports["server"],
        PREDICT,
        MODEL,
        event_body,
        lambda response: float(response["probabilities"]["yes"]),
        logged=deployment.received,
    )


async def empty_route(_: Testbed) -> ServerSpec:
    """A FastAPI route that does nothing, in Penstock's environment."""
    (port,) = free_ports(1)
    command = Command("empty-route", [sys.executable, str(PEER_SCRIPTS / "http_empty.py")], {"BENCH_PORT": str(port)})
    return ServerSpec([command], port, "/empty", "/openapi.json", event_body, lambda _: None)


async def bentoml(testbed: Testbed) -> ServerSpec:
    """BentoML with adaptive batching."""
    (port,) = free_ports(1)
    program = str(interpreter_of("bentoml").parent / "bentoml")
    variables = {
        **_model_variables(testbed.model()),
        "BENTOML_HOME": str(testbed.folder / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "PATH": f"{interpreter_of('bentoml').parent}:/usr/bin:/bin",
    }
    arguments = [program, "serve", "http_bentoml:Scorer", "--port", str(port), "--host", "127.0.0.1"]
    command = Command("bentoml", arguments, variables, PEER_SCRIPTS)
    return ServerSpec([command], port, "/predict", "/readyz", _encoded_rows, lambda response: response[0])


async def mlserver(testbed: Testbed) -> ServerSpec:
    """MLServer with adaptive batching."""
    ports = free_ports(3)
    folder = testbed.folder / "mlserver"
    folder.mkdir()
    port_settings = dict(zip(("http_port", "grpc_port", "metrics_port"), ports, strict=True))
    settings = {"host": "127.0.0.1", "parallel_workers": 0, "debug": False, "use_structured_logging": False}
    (folder / "settings.json").write_text(json.dumps(settings | port_settings))
    model = {"name": NAME, "implementation": "http_mlserver.Scorer", "max_batch_size": 64, "max_batch_time": 0.002}
    (folder / "model-settings.json").write_text(json.dumps(model))
    program = str(interpreter_of("mlserver").parent / "mlserver")
    variables = {**_model_variables(testbed.model()), "PYTHONPATH": str(PEER_SCRIPTS)}
    command = Command("mlserver", [program, "start", str(folder)], variables, folder)
    return ServerSpec(
        [command], ports[0], f"/v2/models/{NAME}/infer", "/v2/health/ready", _tensor,
        lambda response: response["outputs"][0]["data"][0],
    )  # fmt: skip


async def mlflow(testbed: Testbed) -> ServerSpec:
    """`mlflow models serve` with a scikit-learn pipeline."""
    (port,) = free_ports(1)
    python, model_folder = interpreter_of("mlflow"), testbed.folder / "mlflow-model"
    variables = {
        **_model_variables(testbed.model()),
        "PATH": f"{python.parent}:/usr/bin:/bin",
        "HOME": str(testbed.folder),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONPATH": str(PEER_SCRIPTS),
    }
    await asyncio.to_thread(_save_for_mlflow, python, model_folder, variables)
    arguments = [
        str(python.parent / "mlflow"), "models", "serve", "--model-uri", str(model_folder), "--env-manager", "local",
        "--port", str(port), "--host", "127.0.0.1", "--workers", "1",
    ]  # fmt: skip
    command = Command("mlflow", arguments, variables)
    return ServerSpec([command], port, "/invocations", "/ping", _frame, lambda response: response["predictions"][0][1])


HTTP = (
    HttpCell("penstock-durable", penstock_durable),
    HttpCell("penstock-fast", penstock_fast),
    HttpCell("empty-route", empty_route),
    HttpCell("bentoml", bentoml),
    HttpCell("mlserver", mlserver),
    HttpCell("mlflow", mlflow),
)


def _save_for_mlflow(python: Path, model_folder: Path, variables: dict[str, str]) -> None:
    command = [str(python), str(PEER_SCRIPTS / "save_for_mlflow.py"), str(model_folder)]
    subprocess.run(command, check=True, env=variables, cwd=model_folder.parent, capture_output=True)


def _model_variables(model: TrainedModel) -> dict[str, str]:
    return SINGLE_THREADED | {"BENCH_MODEL": str(model.file), "BENCH_PIPELINE": str(model.estimator)}


def _encoded_row(testbed: Testbed) -> list[float]:
    """The first event as 22 numbers, categories as codes: less work for the server than an event."""
    rows, vocabularies = testbed.events.rows, testbed.model().model.encoder.vocabularies
    codes = [
        vocabularies[name].index(values[0])
        for name, values in zip(CATEGORIES, (rows.segments, rows.merchants), strict=True)
    ]
    return [*rows.numbers[0].tolist(), *map(float, codes)]


def _encoded_rows(testbed: Testbed) -> str:
    return json.dumps({"x": [_encoded_row(testbed)]})


def _tensor(testbed: Testbed) -> str:
    row = _encoded_row(testbed)
    return json.dumps({"inputs": [{"name": "x", "shape": [1, len(row)], "datatype": "FP64", "data": row}]})


def _frame(testbed: Testbed) -> str:
    rows = testbed.events.rows
    row = [*rows.numbers[0].tolist(), rows.segments[0], rows.merchants[0]]
    return json.dumps({"dataframe_split": {"columns": [*NUMBERS, *CATEGORIES], "data": [row]}})
