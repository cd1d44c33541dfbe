"""Answers: what became of an event, its prediction or its rejection, as read from the log."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw, Struct

from penstock.contracts.batch import RawRecord
from penstock.contracts.records.predictions import PREDICTION_SUFFIX
from penstock.contracts.records.rejections import REJECTION_SUFFIX

AnswerKind = Literal["prediction", "rejection"]

EventName = tuple[str, str, str]
"""An event's stream, source and id."""


class Answer(Struct, frozen=True, gc=False):
    """The answer to the event `id` of `source`: its prediction, or its rejection, in JSON.

    `key` is the event's key on the log. `number` counts answers in the order in which they were read, from 1.
    """

    source: str
    id: str
    key: bytes
    kind: AnswerKind
    content: bytes
    number: int

    def body(self) -> bytes:
        """The answer as a client sees it. A prediction is decoded only here: most are never looked at."""
        status = "predicted" if self.kind == "prediction" else "rejected"
        content = _decode_data(self.content).data if self.kind == "prediction" else Raw(self.content)
        return _encode({"id": self.id, "source": self.source, "status": status, self.kind: content})


class _PredictionHead(Struct):
    source: str
    id: str


class _PredictionBody(Struct):
    data: Raw


class RejectionData(Struct):
    """Why an event was rejected."""

    kind: str
    id: str
    code: str
    detail: str
    field: str | None = None


class _RejectionRecord(Struct):
    source: str
    data: RejectionData


_decode_head = msgspec.json.Decoder(_PredictionHead).decode
_decode_data = msgspec.json.Decoder(_PredictionBody).decode
_decode_rejection = msgspec.json.Decoder(_RejectionRecord).decode
_encode = msgspec.json.Encoder().encode


def decode_answer(kind: AnswerKind, record: RawRecord, number: int) -> Answer | None:
    """The answer in a record of `predictions` or `rejected`; None when it is unreadable or about no event."""
    value, key = record.value or b"", record.key or b""
    try:
        if kind == "prediction":
            head = _decode_head(value)
            return Answer(head.source.removesuffix(PREDICTION_SUFFIX), head.id, key, kind, value, number)
        rejection = _decode_rejection(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    data = rejection.data
    if data.kind == "label" or not data.id:
        return None
    content = _encode(data)  # without the original bytes
    return Answer(rejection.source.removesuffix(REJECTION_SUFFIX), data.id, key, kind, content, number)
