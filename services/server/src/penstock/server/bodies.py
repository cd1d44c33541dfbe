"""What a client sends to be predicted: one event or an array of them, with or without their envelopes."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from penstock.contracts.decoding import explain
from penstock.contracts.events import EVENT_TYPE, Event
from penstock.contracts.received import ReceivedDecoder, repeats_a_key
from penstock.contracts.refusals import Refusal
from penstock.server.problems import Problem

LARGEST_BATCH = 10_000  # events a request
SOURCE = "penstock/http"

_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_decode_array = msgspec.json.Decoder(list[Raw]).decode
_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode


def split(body: bytes) -> tuple[list[bytes], bool]:
    """The events' JSON texts, and whether they came as an array.

    Raises:
        Problem: the body is no JSON, or an array of none or too many.
    """
    if body.lstrip(b" \t\r\n")[:1] != b"[":
        return [body], False
    try:
        items = [bytes(item) for item in _decode_array(body)]
    except _FAILURES as error:
        raise Problem.of(explain(error, body)) from error
    if not items:
        raise Problem(422, "empty_batch", "expected at least one event")
    if len(items) > LARGEST_BATCH:
        raise Problem(413, "too_large", f"expected at most {LARGEST_BATCH} events a request")
    return items, True


def read_event(item: bytes, decoder: ReceivedDecoder, now: datetime) -> Event[Any] | Refusal:
    """The event in one JSON text; id, time, source and type are filled in where they are left out."""
    try:
        given = _decode_object(item)
    except _FAILURES as error:
        return explain(error, item)
    decoded = decoder.decode(msgspec.json.encode(_defaults(now) | given))
    if isinstance(decoded, Refusal):
        return decoded
    if repeats_a_key(item, msgspec.json.decode(item)):
        return Refusal("duplicate_key", "an object names a key twice")
    if not isinstance(decoded, Event):
        return Refusal("unknown_schema_version", f"only {EVENT_TYPE} is answered here", "type", id=decoded.id)
    if decoded.answer is not UNSET:
        return Refusal("forged_answer", "an answer is given here, not taken", "answer", id=decoded.id)
    return decoded


def _defaults(now: datetime) -> dict[str, Any]:
    return {"type": EVENT_TYPE, "source": SOURCE, "id": str(uuid.uuid4()), "time": now}
