"""Decodes events and encodes predictions with msgspec, for the peers whose API allows it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from operator import attrgetter

import msgspec
from scoring import NUMBERS, open_model

_NUMBERS = [(f"f{number}", float) for number in range(NUMBERS)]
Data = msgspec.defstruct("Data", [*_NUMBERS, ("segment", str), ("merchant", str), ("account", str)], gc=False)


class Event(msgspec.Struct, gc=False):
    """The fields of an event that a peer uses."""

    id: str
    time: str
    data: Data  # type: ignore[valid-type]


class Prediction(msgspec.Struct, gc=False):
    """A peer's prediction."""

    id: str
    account: str
    time: str
    score: float
    label: int
    model: str
    version: str


_decode = msgspec.json.Decoder(Event).decode
_decode_lines = msgspec.json.Decoder(Event).decode_lines
_encode = msgspec.json.Encoder().encode
_row = msgspec.structs.astuple
_data = attrgetter("data")
_score = open_model(os.environ["BENCH_MODEL"])

KeyAndValue = tuple[bytes, bytes]


def predict_events(values: Sequence[bytes]) -> list[KeyAndValue]:
    """The key and the value of the prediction for each event."""
    events = _decode_lines(b"\n".join(values))
    scores = _score([_row(data) for data in map(_data, events)]).tolist()
    return [
        (
            event.data.account.encode(),
            _encode(
                Prediction(event.id, event.data.account, event.time, score, int(score > 0.5), "bench", "1")
            ),
        )
        for event, score in zip(events, scores, strict=True)
    ]  # fmt: skip
