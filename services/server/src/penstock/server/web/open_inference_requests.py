"""Requests of the Open Inference Protocol, version 2: a tensor for each field, of shape [n] or [n, 1], is n events.

Source: https://github.com/open-inference/open-inference-protocol, "Inference Protocol - REST".
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from penstock.contracts.codecs.decode_errors import refusal_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.events import Event
from penstock.contracts.records.payloads import sent_payload_type
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.body_slices import array_slices
from penstock.runtime.http.event_bodies import ID_PATTERN
from penstock.runtime.http.problems import Problem, problem_of
from penstock.runtime.http.value_count import has_more_values
from penstock.server.web.request_bodies import MAX_EVENTS, SOURCE
from penstock.server.web.tensor_data import PIECE_BYTES, names_a_key_twice

Datatype = Literal["FP64", "FP32", "INT64", "INT32", "BOOL", "BYTES"]

PREDICTION, PROBABILITIES = "prediction", "probabilities"
MOST_TENSORS = 50_000  # more than a stream can have fields
MOST_VALUES = 2 * MAX_EVENTS + 1  # of a tensor of shape [n, 1], brackets included
MAX_ID_LENGTH = 500  # characters: a row's number is added to it

_PYTHON_TYPES: dict[Datatype, tuple[type, ...]] = {
    "FP64": (float, int), "FP32": (float, int), "INT64": (int,), "INT32": (int,), "BOOL": (bool,), "BYTES": (str,),
}  # fmt: skip

_ID_SCHEMA: dict[str, Any] = {"minLength": 1, "maxLength": MAX_ID_LENGTH, "pattern": ID_PATTERN}


class Tensor(Struct):
    """A field's values, one for each row; null where one is missing."""

    name: str
    shape: list[int]
    datatype: Datatype
    data: list[Any]


class RequestedOutput(Struct):
    """An output that the response is to hold."""

    name: Annotated[str, Meta(extra_json_schema={"enum": [PREDICTION, PROBABILITIES]})]


class InferRequest(Struct):
    """A request for predictions of the rows; without `outputs` the response holds all of them."""

    inputs: list[Tensor]
    id: Annotated[str, Meta(extra_json_schema=_ID_SCHEMA)] | None = None
    outputs: list[RequestedOutput] | None = None


class _RawTensor(Tensor):
    """A tensor whose values are still to be decoded."""

    data: Raw  # type: ignore[assignment]


class _RawRequest(InferRequest):
    """A request whose tensors are still to be decoded."""

    inputs: Raw  # type: ignore[assignment]


_decode = msgspec.json.Decoder(_RawRequest).decode
_decode_tensor = msgspec.json.Decoder(_RawTensor).decode
_decode_values = msgspec.json.Decoder(list[Any]).decode
_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class InferRows:
    """A request, its id, and an event for each of its rows."""

    request: InferRequest
    request_id: str
    events: list[Event[Any]]


def parse_rows(body: bytes, declaration: Declaration, now: datetime) -> InferRows:
    """Parse a body to events; a request without an id gets one.

    Raises:
        Problem: it is no request, or its tensors are no rows of declared fields.
    """
    request = parse_request(body)
    request_id = request.id or str(uuid.uuid4())
    return InferRows(request, request_id, events_of(request, request_id, declaration, now))


def parse_request(body: bytes) -> InferRequest:
    """Parse a body.

    Raises:
        Problem: it is no JSON, or no request.
    """
    try:
        raw_request = _decode(body)
        request = InferRequest(_tensors(bytes(raw_request.inputs)), raw_request.id, raw_request.outputs)
        has_duplicate = names_a_key_twice(body)
    except _FAILURES as error:
        raise problem_of(refusal_of(error, body if len(body) <= PIECE_BYTES else b"")) from error
    if has_duplicate:
        raise Problem(400, "duplicate_key", "an object names a key twice")
    if any(output.name not in (PREDICTION, PROBABILITIES) for output in request.outputs or ()):
        raise Problem(422, "out_of_range", f"expected the outputs {PREDICTION} and {PROBABILITIES}", "outputs")
    if request.id is not None and not 1 <= len(request.id) <= MAX_ID_LENGTH:
        raise Problem(422, "bad_id", f"expected an id of 1 to {MAX_ID_LENGTH} characters", "id")
    return request


def events_of(request: InferRequest, request_id: str, declaration: Declaration, now: datetime) -> list[Event[Any]]:
    """An event for each row. A single row has the request's id, of several each has the id and its number.

    Raises:
        Problem: the tensors are no rows of declared fields.
    """
    rows = _row_count(request.inputs)
    columns = {tensor.name: _values(tensor, rows) for tensor in request.inputs}
    if len(columns) < len(request.inputs):
        raise Problem(400, "duplicate_key", "two inputs have the same name", "inputs")
    payload = sent_payload_type(declaration)
    ids = [request_id] if rows == 1 else [f"{request_id}-{row}" for row in range(rows)]
    return [
        Event(source=SOURCE, id=ids[row], time=now, data=_payload(columns, row, payload, declaration))
        for row in range(rows)
    ]


def refuse_first(refusals: Mapping[int, Refusal]) -> None:
    """Refuse the request for its first refused row: the protocol has no response for some of the rows.

    Raises:
        Problem: a row is refused.
    """
    for row, refusal in sorted(refusals.items()):
        raise _row_problem(row, refusal)


def _tensors(inputs: bytes) -> list[Tensor]:
    tensors: list[Tensor] = []
    for texts in array_slices(inputs):
        tensors += map(_tensor, texts)
        if len(tensors) > MOST_TENSORS:
            raise Problem(413, "too_large", f"expected at most {MOST_TENSORS} inputs", "inputs")
    return tensors


def _tensor(text: bytes) -> Tensor:
    tensor = _decode_tensor(text)
    data = bytes(tensor.data)
    if has_more_values(data, MOST_VALUES):
        raise problem_of(Refusal("out_of_range", f"expected at most {MAX_EVENTS} values", tensor.name))
    return Tensor(tensor.name, tensor.shape, tensor.datatype, _decode_values(data))


def _row_count(inputs: Sequence[Tensor]) -> int:
    shapes = {tuple(tensor.shape) for tensor in inputs}
    if any(len(shape) not in (1, 2) or shape[1:] not in ((), (1,)) for shape in shapes):
        raise Problem(422, "out_of_range", "expected inputs of shape [n] or [n, 1], one for each field", "inputs")
    counts = {shape[0] for shape in shapes}
    if len(counts) != 1 or not 1 <= min(counts) <= MAX_EVENTS:
        raise Problem(422, "out_of_range", f"expected inputs of one length, 1 to {MAX_EVENTS} rows", "inputs")
    return counts.pop()


def _values(tensor: Tensor, rows: int) -> list[Any]:
    data = tensor.data
    if len(tensor.shape) == 2 and all(isinstance(item, list) and len(item) == 1 for item in data):
        data = [item[0] for item in data]
    if len(data) != rows:
        raise problem_of(Refusal("out_of_range", "expected as many values as the shape says", tensor.name))
    expected = _PYTHON_TYPES[tensor.datatype]
    if not all(value is None or type(value) in expected for value in data):
        raise problem_of(Refusal("wrong_type", f"expected values of the datatype {tensor.datatype}", tensor.name))
    return data


def _payload(columns: Mapping[str, list[Any]], row: int, payload: type[Struct], declaration: Declaration) -> Struct:
    fields = {name: values[row] for name, values in columns.items()}
    if declaration.extra == "keep":
        fields = {name: value for name, value in fields.items() if name in declaration.fields}
    try:
        return msgspec.convert(fields, payload)
    except msgspec.ValidationError as error:
        raise _row_problem(row, refusal_of(error, b"")) from error


def _row_problem(row: int, refusal: Refusal) -> Problem:
    problem = problem_of(refusal)
    return Problem(problem.status, problem.code, f"row {row}: {problem.detail}", problem.field)
