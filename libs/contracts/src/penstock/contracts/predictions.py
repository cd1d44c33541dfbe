"""Predictions: what a model answered, and everything that says which model it was."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, Literal

import msgspec
from msgspec import Struct

from penstock.contracts.events import Event, Text, Zoned

PREDICTION_TYPE = "penstock.prediction.v1"
PREDICTION_SUFFIX = "#prediction"

Arm = Literal["champion", "challenger"]


class Attribution(Struct, kw_only=True):
    """Which model answered, and how.

    `schema` is the declaration's version, `code` the version of Penstock that computed the answer. `baseline` marks the
    answers of epoch 0's constant model.
    """

    model: str
    version: int
    digest: str
    epoch: int
    schema: int
    code: str
    arm: Arm = "champion"
    route: Literal["stream", "http"] = "stream"
    mode: Literal["durable", "fast"] = "durable"
    baseline: bool = False


class PredictionData(Attribution, kw_only=True):
    """One answer and its attribution. `value` is a class as text, or a number for regression.

    `probabilities` follow the order of the model's classes.
    """

    value: str | float
    entity: str | None = None
    probabilities: list[float] | None = None


class Prediction(Struct, tag_field="type", tag=PREDICTION_TYPE, kw_only=True):
    """The answer to the event of the same id; its `time` is the event's, so repeated work is the same record."""

    specversion: Literal["1.0"] = "1.0"
    source: Text
    id: Text
    time: Zoned
    data: PredictionData


_encode = msgspec.json.Encoder()
_LINE = (
    b'{"type":"%b","specversion":"1.0","source":%%b,"id":%%b,"time":%%b,"data":%%b,'
    b'"value":%%b,"entity":%%b,"probabilities":%%b}}' % PREDICTION_TYPE.encode()
)


def encode_predictions(
    events: Sequence[Event[Any]],
    attribution: Attribution,
    values: Sequence[str] | Sequence[float],
    entities: Sequence[str | None],
    probabilities: Sequence[Sequence[float]] | None,
) -> list[bytes]:
    """The predictions for n events that one model answered, each as the encoder would write the record.

    What is the same for all is written once, and each column is encoded at once: half of what records would cost.
    """
    stamp = _encode.encode(attribution)[:-1]
    said = {source: _encode.encode(source + PREDICTION_SUFFIX) for source in {event.source for event in events}}
    return [
        _LINE % line
        for line in zip(
            [said[event.source] for event in events],
            _texts([event.id for event in events]),
            _texts([event.time for event in events]),
            repeat(stamp),
            _texts(values),
            _texts(entities),
            _texts(probabilities) if probabilities is not None else repeat(b"null"),
            strict=False,
        )
    ]


def _texts(column: Sequence[Any]) -> list[bytes]:
    """Each value as JSON: no JSON text holds a line break."""
    return _encode.encode_lines(column).split(b"\n")


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
