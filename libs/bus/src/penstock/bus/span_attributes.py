"""What a span says of the record it is about: stream, event id, epoch and model version, as far as it knows them."""

from __future__ import annotations

from typing import Any

import msgspec

from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Drift
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.records.rejections import Rejection
from penstock.telemetry import names
from penstock.telemetry.spans import Attributes


class _Answer(msgspec.Struct):
    epoch: int
    version: int


class _EncodedPrediction(msgspec.Struct):
    id: str
    data: _Answer


_decode_prediction = msgspec.json.Decoder(_EncodedPrediction).decode


def attributes_of(record: Any) -> Attributes:
    """The attributes that a decoded record gives a span; none for one of another kind."""
    match record:
        case Event():
            return {names.EVENT_ID: record.id}
        case Label():
            return {names.EVENT_ID: record.data.event_id}
        case Prediction():
            return answer_attributes(record.id, record.data.epoch, record.data.version)
        case Outcome():
            answer = record.data.prediction
            if isinstance(answer, msgspec.UnsetType):
                return {names.EVENT_ID: record.id}
            return answer_attributes(record.id, answer.epoch, answer.version)
        case Rejection():
            return {names.EVENT_ID: record.data.id, names.REJECTION: record.data.code}
        case Drift():
            return _control(record) | {names.EVENT_ID: record.event_id, names.EPOCH: record.epoch}
        case ModelEpoch():
            return _control(record) | {names.EPOCH: record.epoch, names.MODEL_VERSION: record.champion.version}
        case ControlRecord():
            return _control(record)
    return {}


def encoded_attributes(topic: str, value: bytes) -> Attributes:
    """The attributes that a record gives which a handler has encoded itself: a prediction's."""
    if topic != "predictions":
        return {}
    prediction = _decode_prediction(value)
    return answer_attributes(prediction.id, prediction.data.epoch, prediction.data.version)


def answer_attributes(event_id: str, epoch: int, version: int) -> Attributes:
    """The attributes of the answer to an event."""
    return {names.EVENT_ID: event_id, names.EPOCH: epoch, names.MODEL_VERSION: version}


def _control(record: ControlRecord) -> dict[str, Any]:
    """A record's id, its cause, and its stream, if it belongs to one."""
    known = {names.RECORD_ID: record.id, names.CAUSE_ID: record.cause, names.STREAM: getattr(record, "stream", None)}
    known |= {names.EPOCH: getattr(record, "epoch", None), names.MODEL_VERSION: getattr(record, "version", None)}
    return {name: value for name, value in known.items() if value is not None}
