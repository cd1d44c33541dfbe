"""Events in and predictions out, typed and by msgspec, for the peers whose API lets them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from operator import attrgetter

import msgspec
from scoring import NUMBERS, open_model

Data = msgspec.defstruct(
    "Data", [(f"f{n}", float) for n in range(NUMBERS)] + [("segment", str), ("merchant", str), ("account", str)], gc=False
)  # fmt: skip


class Event(msgspec.Struct, gc=False):
    """What a peer needs of an event."""

    id: str
    time: str
    data: Data  # type: ignore[valid-type]


class Prediction(msgspec.Struct, gc=False):
    """What a peer answers."""

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

Answer = tuple[bytes, bytes]


def answers(values: Sequence[bytes]) -> list[Answer]:
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
