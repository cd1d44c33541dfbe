"""Answered events as they go onto the log: each with its answer, and our seal on both."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from penstock.artifacts import Seal
from penstock.contracts.decoding import encode
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import PredictionData, encode_answer, join_answer, sealed_part
from penstock.server.scoring.answer_log import Letter

SLICE = 500  # events sealed before others get their turn


async def letter_of(
    seal: Seal, stream: str, events: Sequence[Event[Any]], answers: Sequence[PredictionData], parent: bytes | None
) -> Letter:
    """The events of one request with their answers, sealed."""
    values = _sealed(seal, stream, events[:SLICE], answers[:SLICE])
    for start in range(SLICE, len(events), SLICE):
        await asyncio.sleep(0)
        values += _sealed(seal, stream, events[start : start + SLICE], answers[start : start + SLICE])
    keys = [(answer.entity or event.id).encode() for event, answer in zip(events, answers, strict=True)]
    return Letter([event.id for event in events], values, keys, parent)


def _sealed(seal: Seal, stream: str, events: Sequence[Event[Any]], answers: Sequence[PredictionData]) -> list[bytes]:
    values = []
    for event, answer in zip(events, answers, strict=True):
        text = encode_answer(answer)
        event.answer = join_answer(seal.mac(sealed_part(stream, event.source, event.id, text)), text)
        values.append(encode(event))
    return values
