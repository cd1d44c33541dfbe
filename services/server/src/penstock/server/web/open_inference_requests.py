"""Requests of the Open Inference Protocol, version 2: a tensor for each field, of shape [n] or [n, 1], is n events.

The values of a tensor are in the JSON, or in binary behind it (`tensor_bytes`).

Source: https://github.com/open-inference/open-inference-protocol, "Inference Protocol - REST".
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isinf
from typing import Annotated, Any, cast, get_args

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from penstock.contracts.codecs.decode_errors import refusal_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.events import Event
from penstock.contracts.records.payloads import sent_payload_type
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.body_slices import array_slices
from penstock.runtime.http.problems import Problem, problem_of
from penstock.runtime.http.value_count import has_more_values
from penstock.server.web.request_bodies import MAX_EVENTS, SOURCE
from penstock.server.web.tensor_bytes import FLOATS, INTEGERS, Datatype, decode_values
from penstock.server.web.tensor_data import PIECE_BYTES, names_a_key_twice

PREDICTION, PROBABILITIES, EVENT_ID = OUTPUTS = ("prediction", "probabilities", "event_id")
MOST_TENSORS = 50_000  # more than a stream can have fields
MOST_VALUES = 2 * MAX_EVENTS + 1  # of a tensor of shape [n, 1], brackets included
MAX_ID_LENGTH = 500  # characters

_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = (
    dict.fromkeys(FLOATS, (float, int)) | dict.fromkeys(INTEGERS, (int,)) | {"BOOL": (bool,), "BYTES": (str,)}
)

_REFUSED = Meta(extra_json_schema={"not": {}})  # in words of its own
_ID_SCHEMA: dict[str, Any] = {"minLength": 1, "maxLength": MAX_ID_LENGTH}


class TensorParameters(Struct):
    """Of a tensor in binary: how many bytes its values have behind the JSON."""

    binary_data_size: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    shared_memory_region: Annotated[str, _REFUSED] | UnsetType = UNSET


class Tensor(Struct):
    """A field's values, one for each row; null where one is missing."""

    name: str
    shape: list[int]
    datatype: Annotated[str, Meta(extra_json_schema={"enum": list(get_args(Datatype))})]
    data: list[Any] | UnsetType = UNSET
    parameters: TensorParameters | UnsetType = UNSET


class OutputParameters(Struct):
    """Whether an output comes in binary behind the JSON; left out, as the request says."""

    binary_data: bool | UnsetType = UNSET
    classification: Annotated[int, _REFUSED] | UnsetType = UNSET
    shared_memory_region: Annotated[str, _REFUSED] | UnsetType = UNSET


class RequestedOutput(Struct):
    """An output that the response is to hold."""

    name: Annotated[str, Meta(extra_json_schema={"enum": list(OUTPUTS)})]
    parameters: OutputParameters | UnsetType = UNSET


class RequestParameters(Struct):
    """Whether all outputs come in binary."""

    binary_data_output: bool | UnsetType = UNSET


class InferRequest(Struct):
    """A request for predictions of the rows; without `outputs` the response holds all of them."""

    inputs: list[Tensor]
    id: Annotated[str, Meta(extra_json_schema=_ID_SCHEMA)] | None = None
    outputs: list[RequestedOutput] | None = None
    parameters: RequestParameters | UnsetType = UNSET

    def in_binary(self, output: str) -> bool:
        """Whether this output is to come in binary."""
        parameters = next((one.parameters for one in self.outputs or () if one.name == output), UNSET)
        if parameters is not UNSET and parameters.binary_data is not UNSET:
            return parameters.binary_data
        return self.parameters is not UNSET and self.parameters.binary_data_output is True


class _RawTensor(Tensor):
    """A tensor whose values are still to be decoded."""

    data: Raw | UnsetType = UNSET  # type: ignore[assignment]


class _RawRequest(InferRequest):
    """A request whose tensors are still to be decoded."""

    inputs: Raw  # type: ignore[assignment]


_decode = msgspec.json.Decoder(_RawRequest).decode
_decode_tensor = msgspec.json.Decoder(_RawTensor).decode
_decode_values = msgspec.json.Decoder(list[Any]).decode
_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class InferRows:
    """A request, its id, and an event for each of its rows, with an id of its own."""

    request: InferRequest
    request_id: str
    events: list[Event[Any]]


def parse_rows(body: bytes, json_bytes: int, declaration: Declaration, now: datetime) -> InferRows:
    """Parse a body, of which so many bytes are JSON, to events; a request without an id gets one.

    Raises:
        Problem: it is no request, or its tensors are no rows of declared fields.
    """
    request = parse_request(body[:json_bytes], body[json_bytes:])
    return InferRows(request, request.id or str(uuid.uuid4()), events_of(request, declaration, now))


def parse_request(body: bytes, binary: bytes = b"") -> InferRequest:
    """Parse a body; the values of tensors may lie in `binary`.

    Raises:
        Problem: it is no JSON, or no request.
    """
    try:
        raw_request = _decode(body)
        tensors = _tensors(bytes(raw_request.inputs), binary)
        request = InferRequest(tensors, raw_request.id, raw_request.outputs, raw_request.parameters)
        has_duplicate = names_a_key_twice(body)
    except _FAILURES as error:
        raise problem_of(refusal_of(error, body if len(body) <= PIECE_BYTES else b"")) from error
    if has_duplicate:
        raise Problem(400, "duplicate_key", "an object names a key twice")
    for output in request.outputs or ():
        _check_output(output)
    if request.id is not None and not 1 <= len(request.id) <= MAX_ID_LENGTH:
        raise Problem(422, "bad_id", f"expected an id of 1 to {MAX_ID_LENGTH} characters", "id")
    return request


def _check_output(output: RequestedOutput) -> None:
    if output.name not in OUTPUTS:
        raise Problem(422, "out_of_range", f"expected the outputs {', '.join(OUTPUTS)}", "outputs")
    if output.parameters is not UNSET and output.parameters.classification is not UNSET:
        detail = f"classification is not read: ask for {PROBABILITIES}, in the order of the model's classes"
        raise Problem(422, "out_of_range", detail, "outputs")
    if output.parameters is not UNSET and output.parameters.shared_memory_region is not UNSET:
        raise Problem(422, "out_of_range", "shared memory is not written: expected outputs in the response", "outputs")


def events_of(request: InferRequest, declaration: Declaration, now: datetime) -> list[Event[Any]]:
    """An event for each row, with a new id: a client may give all its requests the same.

    Raises:
        Problem: the tensors are no rows of declared fields.
    """
    rows = _row_count(request.inputs)
    columns = {tensor.name: _values(tensor, rows) for tensor in request.inputs}
    if len(columns) < len(request.inputs):
        raise Problem(400, "duplicate_key", "two inputs have the same name", "inputs")
    payload = sent_payload_type(declaration)
    return [
        Event(source=SOURCE, id=str(uuid.uuid4()), time=now, data=_payload(columns, row, payload, declaration))
        for row in range(rows)
    ]


def refuse_first(refusals: Mapping[int, Refusal]) -> None:
    """Refuse the request for its first refused row: the protocol has no response for some of the rows.

    Raises:
        Problem: a row is refused.
    """
    for row, refusal in sorted(refusals.items()):
        raise _row_problem(row, refusal)


def _tensors(inputs: bytes, binary: bytes) -> list[Tensor]:
    tensors: list[Tensor] = []
    position = 0
    for texts in array_slices(inputs):
        for text in texts:
            tensor = _decode_tensor(text)
            size = _binary_size(tensor)
            end = position + (size or 0)
            values = _json_values(tensor) if size is None else _binary_values(tensor, binary[position:end], size)
            tensors.append(Tensor(tensor.name, tensor.shape, tensor.datatype, values))
            position = end
        if len(tensors) > MOST_TENSORS:
            raise Problem(413, "too_large", f"expected at most {MOST_TENSORS} inputs", "inputs")
    if position != len(binary):
        detail = f"the inputs name {position} bytes behind the JSON, and there are {len(binary)}"
        raise Problem(422, "out_of_range", detail, "inputs")
    return tensors


def _binary_size(tensor: _RawTensor) -> int | None:
    """How many bytes the values have behind the JSON; None where they are in it."""
    if tensor.datatype not in _PYTHON_TYPES:
        words = f"the datatype {tensor.datatype[:20]} is not read; expected one of {', '.join(_PYTHON_TYPES)}"
        raise problem_of(Refusal("unknown_category", words, tensor.name))
    parameters = tensor.parameters
    if parameters is not UNSET and parameters.shared_memory_region is not UNSET:
        words = "shared memory is not read: expected values in the request"
        raise problem_of(Refusal("out_of_range", words, tensor.name))
    if parameters is not UNSET and parameters.binary_data_size is not UNSET:
        return parameters.binary_data_size
    return None


def _json_values(tensor: _RawTensor) -> list[Any]:
    if tensor.data is UNSET:
        raise problem_of(Refusal("missing_field", "expected data, or its size in binary", tensor.name))
    data = bytes(tensor.data)
    if has_more_values(data, MOST_VALUES):
        raise problem_of(Refusal("out_of_range", f"expected at most {MAX_EVENTS} values", tensor.name))
    return _decode_values(data)


def _binary_values(tensor: _RawTensor, data: bytes, size: int) -> list[Any]:
    if len(data) != size:
        raise problem_of(Refusal("out_of_range", "its bytes behind the JSON are cut off", tensor.name))
    try:
        values = decode_values(cast("Datatype", tensor.datatype), data)
    except ValueError as error:
        words = f"its bytes are no values of the datatype {tensor.datatype}: {error}"
        raise problem_of(Refusal("wrong_type", words, tensor.name)) from error
    if tensor.datatype in FLOATS and any(value is not None and isinf(value) for value in values):
        raise problem_of(Refusal("not_finite", "Infinity is no number; for a missing value send NaN", tensor.name))
    return values


def _row_count(inputs: Sequence[Tensor]) -> int:
    shapes = {tuple(tensor.shape) for tensor in inputs}
    if any(len(shape) not in (1, 2) or shape[1:] not in ((), (1,)) for shape in shapes):
        raise Problem(422, "out_of_range", "expected inputs of shape [n] or [n, 1], one for each field", "inputs")
    counts = {shape[0] for shape in shapes}
    if len(counts) != 1 or not 1 <= min(counts) <= MAX_EVENTS:
        raise Problem(422, "out_of_range", f"expected inputs of one length, 1 to {MAX_EVENTS} rows", "inputs")
    return counts.pop()


def _values(tensor: Tensor, rows: int) -> list[Any]:
    data: list[Any] = tensor.data or []
    if len(tensor.shape) == 2 and all(isinstance(item, list) and len(item) == 1 for item in data):
        data = [item[0] for item in data]
    if len(data) != rows:
        raise problem_of(Refusal("out_of_range", "expected as many values as the shape says", tensor.name))
    if not _are_of(tensor.datatype, data):
        raise problem_of(Refusal("wrong_type", f"expected values of the datatype {tensor.datatype}", tensor.name))
    return data


def _are_of(datatype: str, values: Sequence[Any]) -> bool:
    expected = _PYTHON_TYPES[datatype]
    if not all(value is None or type(value) in expected for value in values):
        return False
    if datatype not in INTEGERS:
        return True
    limits = np.iinfo(INTEGERS[datatype])
    return all(value is None or limits.min <= value <= limits.max for value in values)


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
