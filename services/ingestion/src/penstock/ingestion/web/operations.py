"""What each route takes and answers, for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from penstock.contracts.records.events import Identifier, LabelData, Timestamp
from penstock.contracts.records.predictions import PredictionData
from penstock.ingestion.answer import RejectionData
from penstock.ingestion.limits import LIMITS
from penstock.ingestion.shorthand import SOURCE
from penstock.ingestion.web.query import MAX_WAIT_MS
from penstock.ingestion.web.verdict_responses import AcceptedRecord, BatchVerdicts
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

Value = str | float | bool
Probabilities = dict[str, float] | list[float] | str


class EventCloudEvent(CloudEvent, kw_only=True):
    """An event that may carry an external model's prediction, or its label: then it is imported history."""

    prediction: Value | UnsetType = UNSET
    modelversion: Identifier | UnsetType = UNSET
    probabilities: Probabilities | UnsetType = UNSET
    label: Value | UnsetType = UNSET
    labeltime: Timestamp | UnsetType = UNSET


class EventShorthand(Struct, kw_only=True, forbid_unknown_fields=True):
    """An event without a CloudEvent's envelope: `time` is now and `source` is `http` where they are left out."""

    id: RecordId
    data: EventData
    time: Timestamp | UnsetType = UNSET
    source: Identifier | UnsetType = UNSET
    prediction: Value | UnsetType = UNSET
    modelversion: Identifier | UnsetType = UNSET
    probabilities: Probabilities | UnsetType = UNSET


class LabelCloudEvent(Struct):
    """The true value of an earlier event, as a CloudEvent 1.0; `time` is when it became known."""

    specversion: Literal["1.0"]
    type: Literal["penstock.label.v1"]
    source: Identifier
    id: RecordId
    time: Timestamp
    data: LabelData


class LabelShorthand(Struct, kw_only=True, forbid_unknown_fields=True):
    """A label without a CloudEvent's envelope; its `id` follows from event and revision where it is left out."""

    event_id: Identifier
    event_source: Identifier = SOURCE
    value: Value
    revision: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    entity: Identifier | float | bool | None = None
    id: RecordId | UnsetType = UNSET
    time: Timestamp | UnsetType = UNSET
    source: Identifier | UnsetType = UNSET


class AnswerBody(Struct, kw_only=True):
    """What became of an event: its prediction, or why it was rejected."""

    id: str
    source: str
    status: Literal["predicted", "rejected"]
    prediction: PredictionData | UnsetType = UNSET
    rejection: RejectionData | UnsetType = UNSET


_STREAM = Parameter("stream", "path", StreamName, "the name of a declared stream")
_NO_STREAM: ProblemCodes = {404: ["unknown_stream"], 503: ["starting"]}
_ON_SUBMIT: ProblemCodes = merge_codes(
    REFUSED_RECORD,
    _NO_STREAM,
    {
        408: ["too_slow"],
        422: ["none_accepted"],
        431: ["head_too_large"],
        503: ["outcome_unknown", "overloaded", "paused"],
    },
)
_FORMS = (
    "A record with a `specversion` is a CloudEvent, any other is shorthand. With `ce-…` headers an `application/json`"
    " body is the data of a CloudEvent whose attributes are the headers (binary mode). 202 means that the broker has"
    " the record; 202 to a batch names those that were refused."
)
_ACCEPTED = Answer("accepted", {JSON: AnyOf([AcceptedRecord, BatchVerdicts])})


def _bodies(cloud_event: type[Struct], shorthand: type[Struct]) -> dict[str, object]:
    record = AnyOf([cloud_event, shorthand])
    lines = {"type": "string", "description": f"a record in JSON on each line, 1 to {LIMITS.batch_records}"}
    return {
        JSON: AnyOf([cloud_event, shorthand, BatchOf(record, LIMITS.batch_records)]),
        "application/cloudevents+json": record,
        "application/cloudevents-batch+json": BatchOf(record, LIMITS.batch_records),
        "application/x-ndjson": lines,
    }


POST_EVENTS = Operation(
    "Submit events",
    f"{_FORMS} With `wait`, a single event gets its answer, if that comes in time.",
    {200: Answer("the answer to the event, with `wait`", {JSON: AnswerBody}), 202: _ACCEPTED},
    parameters=[
        _STREAM,
        Parameter("wait", "query", Annotated[int, Meta(ge=0, le=MAX_WAIT_MS)], "milliseconds to wait for the answer"),
    ],
    body=_bodies(EventCloudEvent, EventShorthand),
    problems=_ON_SUBMIT,
)

POST_LABELS = Operation(
    "Submit labels",
    _FORMS,
    {202: _ACCEPTED},
    parameters=[_STREAM],
    body=_bodies(LabelCloudEvent, LabelShorthand),
    problems=_ON_SUBMIT,
)

GET_ANSWER = Operation(
    "The answer to an event",
    "Its prediction or its rejection. 404 `unknown`: there is none yet; `forgotten`: it is no longer kept.",
    {200: Answer("the answer", {JSON: AnswerBody})},
    parameters=[
        _STREAM,
        Parameter("id", "path", RecordId, "the event's id"),
        Parameter("source", "query", str, "the event's source, by default `http`"),
    ],
    problems=merge_codes(_NO_STREAM, {404: ["unknown", "forgotten"]}),
)

LISTEN = Operation(
    "Listen to predictions",
    "Server-sent events: each prediction of an entity from now on (`prediction`). A client that reads too slowly gets"
    " the event `lagging`, and the stream ends.",
    {200: Answer("server-sent events", {"text/event-stream": {"type": "string"}})},
    parameters=[_STREAM, Parameter("key", "query", Annotated[str, Meta(min_length=1)], "the entity", required=True)],
    problems=merge_codes(_NO_STREAM, {422: ["missing_field"], 503: ["overloaded"]}),
)
