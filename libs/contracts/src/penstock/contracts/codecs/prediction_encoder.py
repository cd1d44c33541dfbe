"""Predictions of a batch encoded column by column: half the cost of encoding record by record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import msgspec

from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import PREDICTION_SUFFIX, PREDICTION_TYPE, Attribution, ShadowAnswer

_encoder = msgspec.json.Encoder()
_LINE = (
    b'{"type":"%b","specversion":"1.0","source":%%b,"id":%%b,"time":%%b,"data":%%b,'
    b'"value":%%b,"entity":%%b,"probabilities":%%b%%b}}' % PREDICTION_TYPE.encode()
)


@dataclass(frozen=True, slots=True)
class PredictionDetails:
    """What n predictions carry for those who learn from or compare them, a list of n each; None: they carry none."""

    lag_features: Sequence[list[float | None]] | None = None
    experts: Sequence[list[float]] | None = None
    shadow: Sequence[list[ShadowAnswer]] | None = None


def encode_predictions(
    events: Sequence[Event[Any]],
    attribution: Attribution,
    values: Sequence[str] | Sequence[float],
    entities: Sequence[str | None],
    probabilities: Sequence[Sequence[float]] | None,
    details: PredictionDetails | None = None,
) -> list[bytes]:
    """The predictions for n events that one model answered, in the bytes that encoding each record would give.

    Args:
        events: the n events.
        attribution: the model that answered all of them; encoded once.
        values: the n predicted classes or numbers.
        entities: the n entities.
        probabilities: for each event the probability of each class; None for regression.
        details: further columns of n.
    """
    shared = _encoder.encode(attribution)[:-1]
    sources = {source: _encoder.encode(source + PREDICTION_SUFFIX) for source in {event.source for event in events}}
    return [
        _LINE % line
        for line in zip(
            [sources[event.source] for event in events],
            _encode_each([event.id for event in events]),
            _encode_each([event.time for event in events]),
            repeat(shared),
            _encode_each(values),
            _encode_each(entities),
            _encode_each(probabilities) if probabilities is not None else repeat(b"null"),
            repeat(b"") if details is None else _encode_details(details),
            strict=False,
        )
    ]


def _encode_details(details: PredictionDetails) -> Iterator[bytes]:
    named = ((b"known", details.lag_features), (b"experts", details.experts), (b"shadow", details.shadow))
    columns = [
        [b',"%b":%b' % (name, text) for text in _encode_each(column)] for name, column in named if column is not None
    ]
    return map(b"".join, zip(*columns, strict=True)) if columns else repeat(b"")


def _encode_each(column: Sequence[Any]) -> list[bytes]:
    """Each value as JSON: no JSON text holds a line break."""
    return _encoder.encode_lines(column).split(b"\n")
