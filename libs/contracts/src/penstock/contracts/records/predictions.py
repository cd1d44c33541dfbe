"""Predictions: what a model answered, and everything that says which model it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from penstock.contracts.records.events import Event, Text, Zoned

PREDICTION_TYPE = "penstock.prediction.v1"
PREDICTION_SUFFIX = "#prediction"

Arm = Literal["champion", "challenger"]


class Attribution(Struct, kw_only=True):
    """Which model answered, and how.

    `schema` is the declaration's version, `code` the version of Penstock that computed the answer. `baseline` marks the
    answers of epoch 0's constant model. `learnt_to` is the offset of the first outcome that was not yet known: of a
    stream that learns from what is known. `fallback`: a challenger was to answer and failed, so the champion did.
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
    learnt_to: int | UnsetType = UNSET
    fallback: bool | UnsetType = UNSET


class ShadowAnswer(Struct):
    """What a model that is only tried would have answered; None: it failed."""

    version: int
    value: str | float | None


class PredictionData(Attribution, kw_only=True):
    """One answer and its attribution. `value` is a class as text, or a number for regression.

    `probabilities` follow the order of the model's classes. `known` are the labels known of the entity, as features; and
    `experts` is what each expert of a blend said: with them an outcome holds all that is learnt from it. `shadow` holds
    what shadows would have answered: for the comparison, never for the producer.
    """

    value: str | float
    entity: str | None = None
    probabilities: list[float] | None = None
    known: list[float | None] | UnsetType = UNSET
    experts: list[float] | UnsetType = UNSET
    shadow: list[ShadowAnswer] | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class PredictionDetails:
    """Columns that n predictions carry for those who learn from or compare them, a list each; None: they don't."""

    known: Sequence[list[float | None]] | None = None
    experts: Sequence[list[float]] | None = None
    shadow: Sequence[list[ShadowAnswer]] | None = None


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
    b'"value":%%b,"entity":%%b,"probabilities":%%b%%b}}' % PREDICTION_TYPE.encode()
)


def encode_predictions(
    events: Sequence[Event[Any]],
    attribution: Attribution,
    values: Sequence[str] | Sequence[float],
    entities: Sequence[str | None],
    probabilities: Sequence[Sequence[float]] | None,
    evidence: PredictionDetails | None = None,
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
            repeat(b"") if evidence is None else _evidence(evidence),
            strict=False,
        )
    ]


def _evidence(evidence: PredictionDetails) -> Iterator[bytes]:
    columns = [
        [b',"%b":%b' % (name, text) for text in _texts(column)]
        for name, column in ((b"known", evidence.known), (b"experts", evidence.experts), (b"shadow", evidence.shadow))
        if column is not None
    ]
    return map(b"".join, zip(*columns, strict=True))


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
