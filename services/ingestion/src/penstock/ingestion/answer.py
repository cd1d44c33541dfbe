"""Answers: what became of an event, its prediction or its rejection, as read from the log."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw, Struct

from penstock.contracts.batch import RawRecord
from penstock.contracts.operation_header import operation_digest
from penstock.contracts.records.predictions import PREDICTION_SUFFIX
from penstock.contracts.records.rejections import REJECTION_SUFFIX

AnswerKind = Literal["prediction", "rejection"]

EventName = tuple[str, str, str]
"""An event's stream, source and id."""


class Answer(Struct, frozen=True, gc=False):
    """The answer to the event `id` of `source`: its prediction, or its rejection, in JSON.

    `key` is the event's key on the log. `mark` tells it from answers to other bodies that were sent under the id: of a
    prediction the digest of the event's operation, None unless a client waits for it; of a rejection its record's id.
    """

    source: str
    id: str
    key: bytes
    kind: AnswerKind
    content: bytes
    mark: bytes | None

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
    id: str
    data: RejectionData


_decode_head = msgspec.json.Decoder(_PredictionHead).decode
_decode_data = msgspec.json.Decoder(_PredictionBody).decode
_decode_rejection = msgspec.json.Decoder(_RejectionRecord).decode
_encode = msgspec.json.Encoder().encode


def decode_answer(kind: AnswerKind, record: RawRecord) -> Answer | None:
    """The answer in a record of `predictions` or `rejected`; None when it is unreadable or about no event."""
    value, key = record.value or b"", record.key or b""
    try:
        if kind == "prediction":
            head = _decode_head(value)
            source = head.source.removesuffix(PREDICTION_SUFFIX)
            return Answer(source, head.id, key, kind, value, operation_digest(record))
        rejection = _decode_rejection(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    data = rejection.data
    if data.kind == "label" or not data.id:
        return None
    content = _encode(data)  # without the original bytes
    source = rejection.source.removesuffix(REJECTION_SUFFIX)
    return Answer(source, data.id, key, kind, content, rejection.id.encode())
