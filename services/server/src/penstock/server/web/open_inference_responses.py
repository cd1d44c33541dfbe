"""Responses of the Open Inference Protocol, version 2: predictions as tensors, and the metadata of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.contracts.declaration.stream import Declaration, FieldType
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.problems import problem_of
from penstock.server.models.serving_models import ServingModels
from penstock.server.web.open_inference_requests import PREDICTION, PROBABILITIES, Datatype, InferRequest
from penstock.server.web.responses import EventResponse

_DATATYPES: dict[FieldType, Datatype] = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "category": "BYTES"}


def infer_response(
    stream: str, request: InferRequest, request_id: str, results: Sequence[EventResponse | Refusal]
) -> dict[str, Any]:
    """The predictions of n rows as tensors; `parameters` say what else there is to say of them.

    Raises:
        Problem: a row was refused after all.
    """
    rows = [_expect_prediction(result) for result in results]
    first = rows[0]
    outputs = [output.name for output in request.outputs or ()] or [PREDICTION, PROBABILITIES]
    tensors = {PREDICTION: _prediction_tensor(rows), PROBABILITIES: _probability_tensor(rows)}
    return {
        "model_name": stream,
        "model_version": str(first.model.version),
        "id": request_id,
        "parameters": {"epoch": first.epoch, "digest": first.model.digest, "schema": first.schema, "mode": first.mode},
        "outputs": [{"name": name, **tensor} for name in outputs if (tensor := tensors[name]) is not None],
    }


def model_metadata(stream: str, declaration: Declaration, serving: ServingModels) -> dict[str, Any]:
    """The metadata of the model that serves a stream: the stream's fields are its inputs."""
    classes = serving.champion.model.classes
    outputs: list[dict[str, Any]] = [{"name": PREDICTION, "datatype": "BYTES" if classes else "FP64", "shape": [-1]}]
    if classes:
        outputs.append({"name": PROBABILITIES, "datatype": "FP64", "shape": [-1, len(classes)]})
    return {
        "name": stream,
        "versions": [str(serving.champion.version.version)],
        "platform": f"penstock_{serving.champion.version.family}",
        "inputs": [
            {"name": name, "datatype": _DATATYPES[field.type], "shape": [-1]}
            for name, field in declaration.fields.items()
        ],
        "outputs": outputs,
        "parameters": {"classes": list(classes), "epoch": serving.epoch},
    }


def _expect_prediction(result: EventResponse | Refusal) -> EventResponse:
    if isinstance(result, Refusal):
        raise problem_of(result)
    return result


def _prediction_tensor(rows: Sequence[EventResponse]) -> dict[str, Any]:
    values = [row.value for row in rows]
    return {"datatype": "BYTES" if isinstance(values[0], str) else "FP64", "shape": [len(values)], "data": values}


def _probability_tensor(rows: Sequence[EventResponse]) -> dict[str, Any] | None:
    matrix = [list(row.probabilities.values()) for row in rows if row.probabilities is not None]
    if not matrix:
        return None
    data = [value for probabilities in matrix for value in probabilities]
    return {"datatype": "FP64", "shape": [len(matrix), len(matrix[0])], "data": data}
