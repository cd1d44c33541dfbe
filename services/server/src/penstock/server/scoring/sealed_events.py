"""Answered events as they go onto the log: each with its prediction, and our seal on both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penstock.artifacts import Seal
from penstock.bus.ports import MAX_RECORD_BYTES
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.codecs.sealed_answer import encode_answer, join_answer, sealed_message
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import PredictionData
from penstock.server.scoring.row_slices import encode_in_turns


@dataclass(frozen=True, slots=True)
class SealedEvents:
    """The sealed events of one request with their keys, and its traceparent, which the first event carries on."""

    ids: Sequence[str]
    values: Sequence[bytes]
    keys: Sequence[bytes]
    traceparent: bytes | None

    @property
    def fits(self) -> bool:
        """Whether the log takes each event, of which its prediction is a part."""
        return all(len(key) + len(value) <= MAX_RECORD_BYTES for key, value in zip(self.keys, self.values, strict=True))


async def seal_events(
    seal: Seal,
    stream: str,
    events: Sequence[Event[Any]],
    predictions: Sequence[PredictionData],
    traceparent: bytes | None,
) -> SealedEvents:
    """Seal the events of one request with their predictions."""
    pairs = zip(events, predictions, strict=True)
    values = await encode_in_turns(pairs, lambda pair: _seal(seal, stream, *pair))
    keys = [(data.entity or event.id).encode() for event, data in zip(events, predictions, strict=True)]
    return SealedEvents([event.id for event in events], values, keys, traceparent)


def _seal(seal: Seal, stream: str, event: Event[Any], data: PredictionData) -> bytes:
    text = encode_answer(data)
    event.answer = join_answer(seal.mac(sealed_message(stream, event.source, event.id, text)), text)
    return encode(event)
