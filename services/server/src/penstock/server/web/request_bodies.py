"""Bodies of predict requests: one event or an array of them, as CloudEvents or as shorthand."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from penstock.bus.ports import MAX_RECORD_BYTES
from penstock.contracts.codecs.decode_errors import refusal_of
from penstock.contracts.codecs.duplicate_keys import has_duplicate_key
from penstock.contracts.codecs.received_decoder import ReceivedDecoder
from penstock.contracts.records.events import EVENT_TYPE, Event
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.body_slices import (
    DOCUMENT_BYTES,
    array_slices,
    documents_at_a_time,
    first_documents,
    slices_of,
)
from penstock.runtime.http.event_parser import EventParser, ParsedEvent, event_of
from penstock.runtime.http.problems import Problem
from penstock.runtime.http.value_count import MOST_VALUES, has_more_values

MAX_EVENTS = 10_000  # of a request
WHOLE_BYTES = 256 << 10  # of an array that is parsed in one go, within some milliseconds
WHOLE_FIELDS = 200_000  # of it, as many as the stream declares for each event
SOURCE = "http"
SHORTHAND = ("id", "time", "source", "data")

EventOrRefusal = Event[Any] | Refusal

_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode


class BodyParser:
    """Parses the bodies of requests for one stream: in one pass, and event by event only where that finds a fault."""

    def __init__(self, declared: StreamDeclared) -> None:
        self._parser = EventParser(declared.declaration)
        self._decoder = ReceivedDecoder(declared)
        self._fields = len(declared.declaration.fields)

    async def parse(self, body: bytes, now: datetime) -> tuple[list[EventOrRefusal], bool]:
        """The events, or why they are refused, and whether they came as an array; `now` is the default of `time`.

        Raises:
            Problem: the body is no JSON, or an array of no events or of too many.
        """
        if body.lstrip(b" \t\r\n")[:1] != b"[":
            return await self._parse_items([body], now), False
        parsed_array = self._parser.parse_array(body) if self._is_parsed_whole(body) else None
        if parsed_array is not None:
            _check_count(len(parsed_array))
            return [_event(parsed, now) for parsed in parsed_array], True
        items = await first_documents(array_slices(body), MAX_EVENTS)
        _check_count(len(items))
        events: list[EventOrRefusal] = []
        for part in slices_of(items, documents_at_a_time(self._fields)):
            events += await self._parse_items(part, now)
            await asyncio.sleep(0)
        return events, True

    def _is_parsed_whole(self, body: bytes) -> bool:
        return len(body) <= WHOLE_BYTES and body.count(b"{") // 2 * self._fields <= WHOLE_FIELDS

    async def _parse_items(self, items: Sequence[bytes], now: datetime) -> list[EventOrRefusal]:
        """Parse the items of a slice: in a thread if it is one that is larger than a slice."""
        if len(items[0]) > DOCUMENT_BYTES:
            return [await asyncio.to_thread(self._parse_item, items[0], now)]
        return [self._parse_item(item, now) for item in items]

    def _parse_item(self, item: bytes, now: datetime) -> EventOrRefusal:
        if len(item) > MAX_RECORD_BYTES:
            return Refusal("too_large", f"expected at most {MAX_RECORD_BYTES} bytes an event", kind="event")
        if has_more_values(item, MOST_VALUES):
            return Refusal("too_large", f"expected at most {MOST_VALUES} values in an event", kind="event")
        parsed = self._parser.parse(item)
        return parse_event(item, self._decoder, now) if parsed is None else _event(parsed, now)


def _event(parsed: ParsedEvent[Any], now: datetime) -> Event[Any]:
    return event_of(parsed, SOURCE, _new_id, now)


def _new_id() -> str:
    return str(uuid.uuid4())


def _check_count(events: int) -> None:
    if not 1 <= events <= MAX_EVENTS:
        raise Problem(422, "out_of_range", f"expected a batch of 1 to {MAX_EVENTS} events")


def parse_event(item: bytes, decoder: ReceivedDecoder, now: datetime) -> EventOrRefusal:
    """The event in one JSON text; shorthand may leave out everything but `data`."""
    try:
        attributes: dict[str, Any] = _decode_object(item)
    except _FAILURES as error:
        return refusal_of(error, item)
    if "specversion" not in attributes:
        extra = next((name for name in attributes if name not in SHORTHAND), None)
        if extra is not None:
            return Refusal("extra_field", f"expected no more than {', '.join(SHORTHAND)}", extra)
        attributes = _defaults(now) | attributes
    return _check(decoder.decode(msgspec.json.encode(attributes)), item)


def _check(decoded: Any, item: bytes) -> EventOrRefusal:
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
