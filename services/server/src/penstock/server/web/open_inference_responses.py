"""Responses of the Open Inference Protocol, version 2: predictions as tensors, and the metadata of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from penstock.contracts.declaration.stream import Declaration, FieldType
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.problems import problem_of
from penstock.runtime.http.raw_routes import encode_json
from penstock.server.models.serving_models import ServingModels
from penstock.server.web import tensor_bytes
from penstock.server.web.open_inference_requests import EVENT_ID, OUTPUTS, PREDICTION, PROBABILITIES, InferRows
from penstock.server.web.responses import EventResponse
from penstock.server.web.tensor_bytes import Datatype
from penstock.server.web.tensor_data import encode_values

_DATATYPES: dict[FieldType, Datatype] = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "category": "BYTES"}


class Live(Struct):
    """The child is live."""

    live: Literal[True] = True


class Ready(Struct):
    """The child is ready."""

    ready: Literal[True] = True


class ServerMetadata(Struct):
    """What answers here."""

    name: str
    version: str
    extensions: list[str]


class ModelReady(Struct):
    """A model serves the stream."""

    name: str
    ready: Literal[True] = True


class BinarySize(Struct):
    """How many bytes the values of an output have behind the JSON."""

    binary_data_size: int


class OutputTensor(Struct, omit_defaults=True):
    """An output's values, one row after the other, in the JSON or in binary behind it."""

    name: str
    datatype: Datatype
    shape: list[int]
    data: list[str | float] | UnsetType = UNSET
    parameters: BinarySize | UnsetType = UNSET


class AnsweringModel(Struct):
    """What else there is to say of predictions: `mode` says whether the log had confirmed the events."""

    epoch: int
    digest: str
    schema: int
    mode: Literal["durable", "fast"]


class InferResponse(Struct):
    """The predictions of n rows as tensors; the model's name is the stream's."""

    model_name: str
    model_version: str
    id: str
    parameters: AnsweringModel
    outputs: list[OutputTensor]


class TensorMetadata(Struct):
    """An input or an output; -1 is any number of rows."""

    name: str
    datatype: Datatype
    shape: list[int]


class MetadataParameters(Struct):
    """The classes in the order of their probabilities, and the epoch."""

    classes: list[str]
    epoch: int


class ModelMetadata(Struct):
    """The model that serves a stream: the stream's fields are its inputs."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    parameters: MetadataParameters


def encode_infer_response(
    stream: str, rows: InferRows, results: Sequence[EventResponse | Refusal]
) -> tuple[bytes, bytes]:
    """The predictions of n rows as tensors: in JSON, and what is wanted in binary behind it.

    Raises:
        Problem: a row was refused after all.
    """
    response = infer_response(stream, rows, results)
    binary = []
    for tensor in response.outputs:
        assert tensor.data is not UNSET
        if rows.request.in_binary(tensor.name):
            binary.append(tensor_bytes.encode_values(tensor.datatype, tensor.data))
            tensor.data, tensor.parameters = UNSET, BinarySize(len(binary[-1]))
        else:
            tensor.data = encode_values(tensor.data)  # type: ignore[assignment]
    return encode_json(response), b"".join(binary)


def infer_response(stream: str, rows: InferRows, results: Sequence[EventResponse | Refusal]) -> InferResponse:
    """The predictions of n rows as tensors.

    Raises:
        Problem: a row was refused after all.
    """
    responses = [_expect_prediction(result) for result in results]
    first = responses[0]
    asked = dict.fromkeys(output.name for output in rows.request.outputs or ())  # each once, however often it is named
    names = [*asked] or OUTPUTS
    tensors = {
        PREDICTION: _prediction_tensor(responses),
        PROBABILITIES: _probability_tensor(responses),
        EVENT_ID: OutputTensor(EVENT_ID, "BYTES", [len(responses)], [row.id for row in responses]),
    }
    return InferResponse(
        model_name=stream,
        model_version=str(first.model.version),
        id=rows.request_id,
        parameters=AnsweringModel(first.epoch, first.model.digest, first.schema, first.mode),
        outputs=[tensor for name in names if (tensor := tensors[name]) is not None],
    )


def model_metadata(stream: str, declaration: Declaration, serving: ServingModels) -> ModelMetadata:
    """The metadata of the model that serves a stream."""
    classes = serving.champion.model.classes
    outputs = [TensorMetadata(PREDICTION, "BYTES" if classes else "FP64", [-1])]
    if classes:
        outputs.append(TensorMetadata(PROBABILITIES, "FP64", [-1, len(classes)]))
    outputs.append(TensorMetadata(EVENT_ID, "BYTES", [-1]))
    version = serving.champion.version
    return ModelMetadata(
        name=stream,
        versions=[str(version.version)],
        platform=f"penstock_{version.family}",
        inputs=[TensorMetadata(name, _DATATYPES[field.type], [-1]) for name, field in declaration.fields.items()],
        outputs=outputs,
        parameters=MetadataParameters(list(classes), serving.epoch),
    )


def _expect_prediction(result: EventResponse | Refusal) -> EventResponse:
    if isinstance(result, Refusal):
        raise problem_of(result)
    return result


def _prediction_tensor(rows: Sequence[EventResponse]) -> OutputTensor:
    values: Any = [row.value for row in rows]
    return OutputTensor(PREDICTION, "BYTES" if isinstance(values[0], str) else "FP64", [len(values)], values)


def _probability_tensor(rows: Sequence[EventResponse]) -> OutputTensor | None:
    matrix = [list(row.probabilities.values()) for row in rows if row.probabilities is not None]
    if not matrix:
        return None
    data: list[Any] = [value for probabilities in matrix for value in probabilities]
    return OutputTensor(PROBABILITIES, "FP64", [len(matrix), len(matrix[0])], data)
