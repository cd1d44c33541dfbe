"""Answered events as they go onto the log: each with its prediction, and our seal on both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import add
from typing import Any

from penstock.artifacts import Seal
from penstock.bus.ports import MAX_RECORD_BYTES
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.codecs.sealed_answer import encode_answer, join_answer, sealed_message
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import PredictionData
from penstock.server.scoring.predict_request import CheckedRequest
from penstock.server.scoring.row_slices import encode_in_turns


@dataclass(frozen=True, slots=True)
class SealedEvents:
    """The sealed events of one request with their keys, and its traceparent, which the first event carries on.

    `fits`: whether the log takes each event, of which its prediction is a part.
    """

    ids: Sequence[str]
    values: Sequence[bytes]
    keys: Sequence[bytes]
    traceparent: bytes | None
    fits: bool


async def seal_events(
    seal: Seal, stream: str, requests: Sequence[tuple[CheckedRequest, Sequence[PredictionData]]]
) -> list[SealedEvents]:
    """Seal the accepted events of requests with their predictions."""
    pairs = [pair for request, predictions in requests for pair in zip(request.accepted, predictions, strict=True)]
    texts = iter(await encode_in_turns(pairs, lambda pair: _seal(seal, stream, *pair)))
    return [_sealed_events(request, predictions, texts) for request, predictions in requests]


def _sealed_events(
    request: CheckedRequest, predictions: Sequence[PredictionData], texts: Iterator[bytes]
) -> SealedEvents:
    events = request.accepted
    keys = [(data.entity or event.id).encode() for event, data in zip(events, predictions, strict=True)]
    values = list(islice(texts, len(events)))
    fits = max(map(add, map(len, keys), map(len, values))) <= MAX_RECORD_BYTES
    return SealedEvents([event.id for event in events], values, keys, request.pending.request.traceparent, fits)


def _seal(seal: Seal, stream: str, event: Event[Any], data: PredictionData) -> bytes:
    text = encode_answer(data)
    event.answer = join_answer(seal.mac(sealed_message(stream, event.source, event.id, text)), text)
    return encode(event)
