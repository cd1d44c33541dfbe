"""The Open Inference Protocol, version 2: a tensor per field, of shape [n] or [n, 1], and what is answered to n rows.

Source: https://github.com/open-inference/open-inference-protocol, "Inference Protocol - REST".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from penstock.contracts.declaration.stream import Declaration, FieldType
from penstock.contracts.decoding import decode_refusal
from penstock.contracts.received_decoder import has_duplicate_key
from penstock.contracts.records.events import Event, data_type
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.problems import Problem, problem_of
from penstock.server.models.epochs import Serving
from penstock.server.web.request_bodies import LARGEST_BATCH, SOURCE
from penstock.server.web.responses import Answer

Datatype = Literal["FP64", "FP32", "INT64", "INT32", "BOOL", "BYTES"]

PREDICTION, PROBABILITIES = "prediction", "probabilities"
LONGEST_ID = 500  # characters: a row's number is added to it

_VALUES: dict[Datatype, tuple[type, ...]] = {
    "FP64": (float, int), "FP32": (float, int), "INT64": (int,), "INT32": (int,), "BOOL": (bool,), "BYTES": (str,),
}  # fmt: skip
_NATURAL: dict[FieldType, Datatype] = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "category": "BYTES"}


class Tensor(Struct):
    """A field's values, a row each; null where one is missing."""

    name: str
    shape: list[int]
    datatype: Datatype
    data: list[Any]


class _Output(Struct):
    name: str


class InferRequest(Struct):
    """What is asked: answers to the rows, and which of the outputs (all unless said)."""

    inputs: list[Tensor]
    id: str | None = None
    outputs: list[_Output] | None = None


_decode = msgspec.json.Decoder(InferRequest).decode
_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_request(body: bytes) -> InferRequest:
    """The request in a body.

    Raises:
        Problem: it is no JSON, or no request.
    """
    try:
        request = _decode(body)
        twice = has_duplicate_key(body, msgspec.json.decode(body))
    except _FAILURES as error:
        raise problem_of(decode_refusal(error, body)) from error
    if twice:
        raise Problem(400, "duplicate_key", "an object names a key twice")
    unknown = [output.name for output in request.outputs or () if output.name not in (PREDICTION, PROBABILITIES)]
    if unknown:
        raise Problem(422, "out_of_range", f"expected the outputs {PREDICTION} and {PROBABILITIES}", "outputs")
    if request.id is not None and not 1 <= len(request.id) <= LONGEST_ID:
        raise Problem(422, "bad_id", f"expected an id of 1 to {LONGEST_ID} characters", "id")
    return request


def events_in(request: InferRequest, request_id: str, declaration: Declaration, now: datetime) -> list[Event[Any]]:
    """An event for each row. A single row bears the request's id, several bear it with their number.

    Raises:
        Problem: the tensors are no rows of declared fields.
    """
    rows = _rows(request.inputs)
    columns = {tensor.name: _values(tensor, rows) for tensor in request.inputs}
    if len(columns) < len(request.inputs):
        raise Problem(400, "duplicate_key", "two inputs bear one name", "inputs")
    payload = data_type(declaration)
    ids = [request_id] if rows == 1 else [f"{request_id}-{row}" for row in range(rows)]
    return [
        Event(source=SOURCE, id=ids[row], time=now, data=_payload(columns, row, payload, declaration))
        for row in range(rows)
    ]


def _rows(inputs: Sequence[Tensor]) -> int:
    shapes = {tuple(tensor.shape) for tensor in inputs}
    if any(len(shape) not in (1, 2) or shape[1:] not in ((), (1,)) for shape in shapes):
        raise Problem(422, "out_of_range", "expected inputs of shape [n] or [n, 1], one for each field", "inputs")
    counts = {shape[0] for shape in shapes}
    if len(counts) != 1 or not 1 <= min(counts) <= LARGEST_BATCH:
        raise Problem(422, "out_of_range", f"expected inputs of one length, 1 to {LARGEST_BATCH} rows", "inputs")
    return counts.pop()


def _values(tensor: Tensor, rows: int) -> list[Any]:
    data = tensor.data
    if len(tensor.shape) == 2 and all(isinstance(item, list) and len(item) == 1 for item in data):
        data = [item[0] for item in data]
    if len(data) != rows:
        raise problem_of(Refusal("out_of_range", "expected as many values as the shape says", tensor.name))
    expected = _VALUES[tensor.datatype]
    if not all(value is None or type(value) in expected for value in data):
        raise problem_of(Refusal("wrong_type", f"expected values of the datatype {tensor.datatype}", tensor.name))
    return data


def _payload(columns: Mapping[str, list[Any]], row: int, payload: type[Struct], declaration: Declaration) -> Struct:
    said = {name: values[row] for name, values in columns.items()}
    if declaration.extra == "keep":
        said = {name: value for name, value in said.items() if name in declaration.fields}
    try:
        return msgspec.convert(said, payload)
    except msgspec.ValidationError as error:
        raise _in_row(row, decode_refusal(error, b"")) from error


def _in_row(row: int, refusal: Refusal) -> Problem:
    problem = problem_of(refusal)
    return Problem(problem.status, problem.code, f"row {row}: {problem.detail}", problem.field)


def expect_none(refused: Mapping[int, Refusal]) -> None:
    """Refuse the request for its first row that is refused: the protocol knows no answer for some of the rows.

    Raises:
        Problem: a row is refused.
    """
    for row, refusal in sorted(refused.items()):
        raise _in_row(row, refusal)


def response(stream: str, request: InferRequest, request_id: str, answers: Sequence[Answer]) -> dict[str, Any]:
    """The answers to the rows, as columns; `parameters` say what else is known of them."""
    first = answers[0]
    wanted = [output.name for output in request.outputs or ()] or [PREDICTION, PROBABILITIES]
    columns = {PREDICTION: _prediction(answers), PROBABILITIES: _probabilities(answers)}
    return {
        "model_name": stream,
        "model_version": str(first.model.version),
        "id": request_id,
        "parameters": {"epoch": first.epoch, "digest": first.model.digest, "schema": first.schema, "mode": first.mode},
        "outputs": [{"name": name, **column} for name in wanted if (column := columns[name]) is not None],
    }


def _prediction(answers: Sequence[Answer]) -> dict[str, Any]:
    values = [answer.value for answer in answers]
    return {"datatype": "BYTES" if isinstance(values[0], str) else "FP64", "shape": [len(values)], "data": values}


def _probabilities(answers: Sequence[Answer]) -> dict[str, Any] | None:
    rows = [list(answer.probabilities.values()) for answer in answers if answer.probabilities is not None]
    if not rows:
        return None
    return {"datatype": "FP64", "shape": [len(rows), len(rows[0])], "data": [value for row in rows for value in row]}


def metadata(stream: str, declaration: Declaration, serving: Serving) -> dict[str, Any]:
    """What a client may know of a model: its fields are its inputs."""
    inputs = [
        {"name": name, "datatype": _NATURAL[field.type], "shape": [-1]} for name, field in declaration.fields.items()
    ]
    classes = serving.champion.model.classes
    outputs: list[dict[str, Any]] = [
        {"name": PREDICTION, "datatype": "BYTES" if classes else "FP64", "shape": [-1]},
        *([{"name": PROBABILITIES, "datatype": "FP64", "shape": [-1, len(classes)]}] if classes else []),
    ]
    return {
        "name": stream,
        "versions": [str(serving.champion.version.version)],
        "platform": f"penstock_{serving.champion.version.family}",
        "inputs": inputs,
        "outputs": outputs,
        "parameters": {"classes": list(classes), "epoch": serving.epoch},
    }
