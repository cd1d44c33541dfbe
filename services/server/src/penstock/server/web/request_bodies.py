"""What a client sends to be predicted: one event or an array of them, whole CloudEvents or shorthand."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from penstock.contracts.decoding import decode_refusal
from penstock.contracts.received_decoder import ReceivedDecoder, has_duplicate_key
from penstock.contracts.records.events import EVENT_TYPE, Event
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.event_parser import EventParser, event_of
from penstock.runtime.http.problems import Problem, problem_of

LARGEST_BATCH = 10_000  # events a request
SOURCE = "http"
SHORTHAND = ("id", "time", "source", "data")

Read = list[Event[Any] | Refusal]

_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_decode_array = msgspec.json.Decoder(list[Raw]).decode
_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode


class Reader:
    """Reads the bodies of requests for one stream: in one pass when all is well, event by event when something is not."""

    def __init__(self, declared: StreamDeclared) -> None:
        self._one_pass = EventParser(declared.declaration)
        self._decoder = ReceivedDecoder(declared)

    def read(self, body: bytes, now: datetime) -> tuple[Read, bool]:
        """The events, or why they are none, and whether they came as an array; `now` is the time of those without.

        Raises:
            Problem: the body is no JSON, or an array of none or too many.
        """
        if body.lstrip(b" \t\r\n")[:1] != b"[":
            said = self._one_pass.one(body)
            return [read_event(body, self._decoder, now) if said is None else _event(said, now)], False
        many = self._one_pass.array(body)
        _expect_some(many)
        if many is not None:
            return [_event(said, now) for said in many], True
        items = _items(body)
        _expect_some(items)
        return [read_event(item, self._decoder, now) for item in items], True


def _event(said: Any, now: datetime) -> Event[Any]:
    return event_of(said, SOURCE, _new_id, now)


def _new_id() -> str:
    return str(uuid.uuid4())


def _expect_some(items: list[Any] | None) -> None:
    if items is not None and not 1 <= len(items) <= LARGEST_BATCH:
        raise Problem(422, "out_of_range", f"expected a batch of 1 to {LARGEST_BATCH} events")


def _items(body: bytes) -> list[bytes]:
    try:
        return [bytes(item) for item in _decode_array(body)]
    except _FAILURES as error:
        lenient = _items_with_what_json_cannot_say(body)
        if lenient is None:
            raise problem_of(decode_refusal(error, body)) from error
        return lenient


def _items_with_what_json_cannot_say(body: bytes) -> list[bytes] | None:
    """The items of an array in which one spells NaN, say: that one shall be refused, and no other."""
    try:
        items = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return None if has_duplicate_key(body, items) else [json.dumps(item).encode() for item in items]


def read_event(item: bytes, decoder: ReceivedDecoder, now: datetime) -> Event[Any] | Refusal:
    """The event in one JSON text; shorthand may leave out everything but `data`."""
    try:
        said = _decode_object(item)
    except _FAILURES as error:
        return decode_refusal(error, item)
    if "specversion" not in said:
        unknown = next((name for name in said if name not in SHORTHAND), None)
        if unknown is not None:
            return Refusal("extra_field", f"expected no more than {', '.join(SHORTHAND)}", unknown)
        said = _defaults(now) | said
    return _checked(decoder.decode(msgspec.json.encode(said)), item)


def _checked(decoded: Any, item: bytes) -> Event[Any] | Refusal:
    if isinstance(decoded, Refusal):
        return decoded
    if has_duplicate_key(item, msgspec.json.decode(item)):
        return Refusal("duplicate_key", "an object names a key twice")
    if not isinstance(decoded, Event):
        return Refusal("unknown_schema_version", f"only {EVENT_TYPE} is answered here", "type", id=decoded.id)
    if decoded.answer is not UNSET:
        return Refusal("forged_answer", "an answer is given here, not taken", "answer", id=decoded.id)
    if decoded.is_history:
        return Refusal("extra_field", "an event that brings its label wants no answer", "label", id=decoded.id)
    return decoded


def _defaults(now: datetime) -> dict[str, Any]:
    return {"specversion": "1.0", "type": EVENT_TYPE, "source": SOURCE, "id": _new_id(), "time": now}
