"""What each route takes and answers, for the OpenAPI document."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from penstock.contracts.records.events import Identifier, Timestamp
from penstock.runtime.http.event_bodies import CloudEvent, EventData, RecordId, StreamName
from penstock.runtime.http.openapi import (
    JSON,
    REFUSED_RECORD,
    Answer,
    AnyOf,
    BatchOf,
    Operation,
    Parameter,
    ProblemCodes,
    merge_codes,
)
from penstock.server.web.open_inference_requests import InferRequest
from penstock.server.web.open_inference_responses import (
    InferResponse,
    Live,
    ModelMetadata,
    ModelReady,
    Ready,
    ServerMetadata,
)
from penstock.server.web.request_bodies import MAX_EVENTS
from penstock.server.web.responses import EventResponse, RefusedEvent
from penstock.server.web.serving_model import ServingModel


class EventShorthand(Struct, kw_only=True, forbid_unknown_fields=True):
    """An event without a CloudEvent's envelope; left out, `id` is new, `time` is now and `source` is `http`."""

    data: EventData
    id: RecordId | UnsetType = UNSET
    time: Timestamp | UnsetType = UNSET
    source: Identifier | UnsetType = UNSET


_EVENT = AnyOf([CloudEvent, EventShorthand])
_BATCH = BatchOf(_EVENT, MAX_EVENTS)
_BODY: dict[str, Any] = {
    JSON: AnyOf([*_EVENT.types, _BATCH]),
    "application/cloudevents+json": _EVENT,
    "application/cloudevents-batch+json": _BATCH,
}
_PREDICTIONS = AnyOf([EventResponse, BatchOf(AnyOf([EventResponse, RefusedEvent]), MAX_EVENTS)])

OCTETS = "application/octet-stream"
_STREAM = Parameter("stream", "path", StreamName, "the name of a declared stream")
_VERSION = Parameter("version", "path", str, "the version of the champion")
_PROBE = Parameter("Penstock-Probe", "header", str, "1 marks a probe: it is answered alike and never logged")

_NO_MODEL: ProblemCodes = {404: ["unknown_stream"], 409: ["external_model"], 503: ["starting", "no_model"]}
_ON_PREDICT: ProblemCodes = merge_codes(
    REFUSED_RECORD,
    _NO_MODEL,
    {408: ["too_slow"], 431: ["head_too_large"], 503: ["outcome_unknown", "overloaded", "paused"]},
)
_PROTOCOL = "Of the Open Inference Protocol, version 2; problems have its `error` beside their other members."

PREDICT = Operation(
    "Predict events",
    "An event with a `specversion` is a CloudEvent, any other is shorthand. The response comes after the broker has"
    ' confirmed the events with their predictions, unless the stream declares `http = "fast"`. The response to an array'
    " has, in order, the prediction of each event or why it is refused.",
    {200: Answer("the prediction, or one for each event of an array", {JSON: _PREDICTIONS})},
    parameters=[_STREAM, _PROBE],
    body=_BODY,
    problems=_ON_PREDICT,
)

MODEL = Operation(
    "The model that serves",
    "Which model serves a stream, under which epoch, since when and why.",
    {200: Answer("the model", {JSON: ServingModel})},
    parameters=[_STREAM],
    problems=_NO_MODEL,
)

LIVE = Operation("Whether the child lives", _PROTOCOL, {200: Answer("it does", {JSON: Live})})

READY = Operation(
    "Whether the child is ready", _PROTOCOL, {200: Answer("it is", {JSON: Ready})}, problems={503: ["starting"]}
)

METADATA = Operation(
    "Inputs and outputs",
    f"{_PROTOCOL} A stream is a model, a field an input.",
    {200: Answer("the metadata", {JSON: ModelMetadata})},
    parameters=[_STREAM],
    problems=_NO_MODEL,
)

SERVER = Operation("What answers", _PROTOCOL, {200: Answer("name and version", {JSON: ServerMetadata})})

MODEL_READY = Operation(
    "Whether a model serves",
    _PROTOCOL,
    {200: Answer("one does", {JSON: ModelReady})},
    parameters=[_STREAM],
    problems=_NO_MODEL,
)

INFER = Operation(
    "Predict rows",
    f"{_PROTOCOL} Inputs have the shape [n] or [n, 1], n at most {MAX_EVENTS}; null is a missing value. A bad row"
    " refuses the whole request.",
    {200: Answer("the predictions, or with binary outputs JSON and their bytes", {JSON: InferResponse, OCTETS: bytes})},
    parameters=[_STREAM],
    body=dict.fromkeys(_BODY, InferRequest),
    problems=_ON_PREDICT,
)


def of_version(operation: Operation) -> Operation:
    """The operation on the version that serves, named in the path; another is not there."""
    problems = merge_codes(operation.problems, {404: ["unknown_version"], 409: ["split_traffic"]})
    return replace(operation, parameters=[*operation.parameters, _VERSION], problems=problems)
