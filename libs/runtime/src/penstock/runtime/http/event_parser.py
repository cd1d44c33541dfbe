"""Events as they come over HTTP, CloudEvents or shorthand, decoded and checked for duplicate keys in one pass.

What this parser accepts is valid. What it does not accept may be valid too: the slower decoders decide.

A decoder keeps the last of two equal keys without an error. But an object's keys and texts can be counted: each has two
quotes, and a quote within a text stands behind a backslash. A document with no more quotes than its decoded event needs
has no duplicate key and no undeclared field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import repeat
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import astuple

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.events import Event, Identifier, Timestamp
from penstock.contracts.records.payloads import sent_payload_type

D = TypeVar("D")

QUOTES = 2  # of a key or of a text
TEXT_ENTRY = 2 * QUOTES  # of a key whose value is a text

NO_MATCH = -(1 << 60)  # a number of quotes that no document has
ENVELOPE = frozenset({"specversion", "type", "source", "id", "time"})
SHORTHAND = frozenset({"source", "id", "time"})

_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_generic = msgspec.json.Decoder().decode


class ParsedEvent(Struct, Generic[D], kw_only=True):
    """An event in either form: a CloudEvent has every attribute, shorthand has no `specversion` and no `type`."""

    specversion: Literal["1.0"] | UnsetType = UNSET
    type: Literal["penstock.event.v1"] | UnsetType = UNSET
    source: Identifier | UnsetType = UNSET
    id: Identifier | UnsetType = UNSET
    time: Timestamp | UnsetType = UNSET
    data: D


def event_of(parsed: ParsedEvent[Any], source: str, event_id: Callable[[], str], now: datetime) -> Event[Any]:
    """The event; `source`, `event_id` and `now` are the defaults of attributes that it leaves out."""
    return Event(
        source=parsed.source if parsed.source is not UNSET else source,
        id=parsed.id if parsed.id is not UNSET else event_id(),
        time=parsed.time if parsed.time is not UNSET else now,
        data=parsed.data,
    )


def quotes_in(body: bytes) -> int:
    r"""The quotes around a document's keys and texts; a negative number where a backslash makes that uncertain.

    >>> quotes_in(b'{"a\\"": "b"}')
    4
    """
    return NO_MATCH - 1 if b"\\\\" in body else body.count(b'"') - body.count(b'\\"')


def _plain_quotes_in(body: bytes) -> int:
    return body.count(b'"')


class EventParser:
    """Parses the events of one stream. A result of None means that the slower decoders must decide.

    >>> from penstock.contracts.declaration.stream_file import parse_declaration
    >>> parser = EventParser(parse_declaration('''
    ... stream = {name = "s", task = "regression"}
    ... label = {name = "y"}
    ... fields = {x = {type = "number"}}
    ... '''))
    >>> parser.parse(b'{"id": "a", "data": {"x": 1}}').id
    'a'
    >>> parser.parse(b'{"id": "a", "id": "a", "data": {"x": 1}}')
    """

    def __init__(self, declaration: Declaration) -> None:
        event_type: Any = ParsedEvent[sent_payload_type(declaration)]  # type: ignore[misc]
        self._event_decoder = msgspec.json.Decoder(event_type)
        self._array_decoder = msgspec.json.Decoder(list[event_type])
        texts = sum(1 for field in declaration.fields.values() if field.type == "category")
        self._data_quotes = QUOTES * (1 + len(declaration.fields) + texts)  # with the key `data`, and no field missing

    def parse(self, body: bytes) -> ParsedEvent[Any] | None:
        """Parse one document."""
        try:
            parsed: ParsedEvent[Any] = self._event_decoder.decode(body)
            return parsed if self._is_exact(body, parsed) else None
        except _FAILURES:
            return None

    def parse_array(self, body: bytes) -> list[ParsedEvent[Any]] | None:
        """Parse an array of events."""
        try:
            events: list[ParsedEvent[Any]] = self._array_decoder.decode(body)
            return events if self._is_exact_array(body, events) else None
        except _FAILURES:
            return None

    def parse_lines(self, lines: Sequence[bytes]) -> list[ParsedEvent[Any]] | None:
        """Parse the event on each line.

        With as many events as lines, each line from `{` to `}`, no event lies across a line break, since no JSON has
        a `}` right before a `{`.
        """
        try:
            text = b"\n".join(lines)
            events: list[ParsedEvent[Any]] = self._event_decoder.decode_lines(text)
            count = quotes_in if b"\\" in text else _plain_quotes_in
            exact = len(events) == len(lines) and all(map(self._is_exact_line, lines, events, repeat(count)))
        except _FAILURES:
            return None
        return events if exact else None

    def _is_exact_line(self, line: bytes, parsed: ParsedEvent[Any], count: Callable[[bytes], int]) -> bool:
        return line[:1] == b"{" and line[-1:] == b"}" and self._is_exact(line, parsed, count)

    def _is_exact(self, body: bytes, parsed: ParsedEvent[Any], count: Callable[[bytes], int] = quotes_in) -> bool:
        expected = self._quotes_of(parsed)
        return count(body) == (_quotes_of_document(_generic(body)) if expected is None else expected)

    def _is_exact_array(self, body: bytes, events: Sequence[ParsedEvent[Any]]) -> bool:
        counts = list(map(self._quotes_of, events))
        if None in counts:
            return quotes_in(body) == sum(map(_quotes_of_document, _generic(body)))
        return quotes_in(body) == sum(quotes for quotes in counts if quotes is not None)

    def _quotes_of(self, parsed: ParsedEvent[Any]) -> int | None:
        """How many quotes the event needs; None where a null may be left out, so that the document must be counted."""
        if None in astuple(parsed.data):
            return None
        attributes = (parsed.source is not UNSET) + (parsed.id is not UNSET) + (parsed.time is not UNSET)
        if parsed.specversion is UNSET and parsed.type is UNSET:
            return self._data_quotes + TEXT_ENTRY * attributes
        if attributes < 3 or parsed.specversion is UNSET or parsed.type is UNSET:
            return NO_MATCH
        return self._data_quotes + TEXT_ENTRY * 5


def _quotes_of_document(document: dict[str, Any]) -> int:
    attributes = [name for name in document if name != "data"]
    is_cloud_event = "specversion" in document
    expected = ENVELOPE if is_cloud_event else SHORTHAND
    if not expected.issuperset(attributes) or (is_cloud_event and len(attributes) < len(ENVELOPE)):
        return NO_MATCH
    data = document["data"]
    texts = sum(isinstance(value, str) for value in data.values())
    return TEXT_ENTRY * len(attributes) + QUOTES * (1 + len(data) + texts)
