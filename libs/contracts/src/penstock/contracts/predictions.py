"""Predictions: what a model answered, and everything that says which model it was."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from penstock.contracts.events import Text, Zoned

PREDICTION_TYPE = "penstock.prediction.v1"
PREDICTION_SUFFIX = "#prediction"

Arm = Literal["champion", "challenger"]


class PredictionData(Struct, kw_only=True):
    """One answer and its attribution. `value` is a class as text, or a number for regression.

    `probabilities` follow the order of the model's classes. `schema` is the declaration's version, `code` the
    version of Penstock that computed it. `baseline` marks the answers of epoch 0's constant model.
    """

    value: str | float
    model: str
    version: int
    digest: str
    epoch: int
    schema: int
    code: str
    entity: str | None = None
    probabilities: list[float] | None = None
    arm: Arm = "champion"
    route: Literal["stream", "http"] = "stream"
    mode: Literal["durable", "fast"] = "durable"
    baseline: bool = False


class Prediction(Struct, tag_field="type", tag=PREDICTION_TYPE, kw_only=True):
    """The answer to the event of the same id; its `time` is the event's, so repeated work is the same record."""

    specversion: Literal["1.0"] = "1.0"
    source: Text
    id: Text
    time: Zoned
    data: PredictionData


def encode_answer(answer: PredictionData) -> str:
    """The text of an answer given over HTTP, before it is sealed."""
    return msgspec.json.encode(answer).decode()


def decode_answer(text: str) -> PredictionData:
    """The answer in `text`.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: `text` is no answer.
    """
    return msgspec.json.decode(text, type=PredictionData)


def sealed_part(stream: str, source: str, event_id: str, text: str) -> bytes:
    """What the seal of an answer covers: the answer's text, and the event it belongs to."""
    return "\x1f".join((stream, source, event_id, text)).encode()


def join_answer(mac: str, text: str) -> str:
    """An event's `answer` attribute: the seal, then the answer's text."""
    return f"{mac}.{text}"


def split_answer(answer: str) -> tuple[str, str]:
    """The seal and the text of an `answer` attribute; the text is empty when there is no seal."""
    mac, _, text = answer.partition(".")
    return mac, text
