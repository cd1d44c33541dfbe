"""Events as they come over HTTP, whole CloudEvents or shorthand, decoded and looked through for keys in one pass.

What this reads is right; what it does not read may be right too, and the slower way tells.

A decoder keeps the last of two equal keys and says nothing. But an object's keys and texts can be counted: each has two
quotes, and a quote within a text stands behind a backslash. A document that spells no more than what was decoded from it
names no key twice, and holds nothing undeclared.
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
from penstock.contracts.records.events import Event, Text, Zoned, data_type

D = TypeVar("D")

QUOTES = 2  # of a key or a text
PAIR = 2 * QUOTES  # of a key whose value is a text

NEVER = -(1 << 60)  # as many quotes as no text has
ENVELOPE = frozenset({"specversion", "type", "source", "id", "time"})
SHORTHAND = frozenset({"source", "id", "time"})

_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_generic = msgspec.json.Decoder().decode


class ParsedEvent(Struct, Generic[D], kw_only=True):
    """An event in either form: a CloudEvent says everything, shorthand no `specversion` and no `type`."""

    specversion: Literal["1.0"] | UnsetType = UNSET
    type: Literal["penstock.event.v1"] | UnsetType = UNSET
    source: Text | UnsetType = UNSET
    id: Text | UnsetType = UNSET
    time: Zoned | UnsetType = UNSET
    data: D


def event_of(said: ParsedEvent[Any], source: str, event_id: Callable[[], str], now: datetime) -> Event[Any]:
    """The event; `source`, `event_id` and `now` stand in for what it leaves away."""
    return Event(
        source=said.source if said.source is not UNSET else source,
        id=said.id if said.id is not UNSET else event_id(),
        time=said.time if said.time is not UNSET else now,
        data=said.data,
    )


def quotes_in(body: bytes) -> int:
    r"""The quotes around a document's keys and texts; a negative number where that is not easily told.

    >>> quotes_in(b'{"a\\"": "b"}')
    4
    """
    return NEVER - 1 if b"\\\\" in body else body.count(b'"') - body.count(b'\\"')


def _plain_quotes_in(body: bytes) -> int:
    return body.count(b'"')


class EventParser:
    """Reads the events of one stream. The answer is None where one must be looked at more closely.

    >>> from penstock.contracts.declaration.stream_file import parse_declaration
    >>> reader = EventParser(parse_declaration('''
    ... stream = {name = "s", task = "regression"}
    ... label = {name = "y"}
    ... fields = {x = {type = "number"}}
    ... '''))
    >>> reader.one(b'{"id": "a", "data": {"x": 1}}').id
    'a'
    >>> reader.one(b'{"id": "a", "id": "a", "data": {"x": 1}}')
    """

    def __init__(self, declaration: Declaration) -> None:
        said: Any = ParsedEvent[data_type(declaration)]  # type: ignore[misc]
        self._one = msgspec.json.Decoder(said)
        self._array = msgspec.json.Decoder(list[said])
        texts = sum(1 for field in declaration.fields.values() if field.type == "category")
        self._data = QUOTES * (1 + len(declaration.fields) + texts)  # with its own name and nothing missing

    def one(self, body: bytes) -> ParsedEvent[Any] | None:
        """The event that a document is."""
        try:
            said: ParsedEvent[Any] = self._one.decode(body)
            return said if self._spells_no_more(body, said) else None
        except _FAILURES:
            return None

    def array(self, body: bytes) -> list[ParsedEvent[Any]] | None:
        """The events of an array."""
        try:
            found: list[ParsedEvent[Any]] = self._array.decode(body)
            return found if self._spell_no_more(body, found) else None
        except _FAILURES:
            return None

    def lines(self, lines: Sequence[bytes]) -> list[ParsedEvent[Any]] | None:
        """The event on each line.

        As many events as lines, each line with the ends of an object: then none lies across a break, since no JSON has
        a `}` right before a `{`.
        """
        try:
            together = b"\n".join(lines)
            found: list[ParsedEvent[Any]] = self._one.decode_lines(together)
            count = quotes_in if b"\\" in together else _plain_quotes_in
            fit = len(found) == len(lines) and all(map(self._is_its_line, lines, found, repeat(count)))
        except _FAILURES:
            return None
        return found if fit else None

    def _is_its_line(self, line: bytes, said: ParsedEvent[Any], count: Callable[[bytes], int]) -> bool:
        return line[:1] == b"{" and line[-1:] == b"}" and self._spells_no_more(line, said, count)

    def _spells_no_more(self, body: bytes, said: ParsedEvent[Any], count: Callable[[bytes], int] = quotes_in) -> bool:
        expected = self._quotes_of(said)
        return count(body) == (_quotes_of_document(_generic(body)) if expected is None else expected)

    def _spell_no_more(self, body: bytes, found: Sequence[ParsedEvent[Any]]) -> bool:
        each = list(map(self._quotes_of, found))
        if None in each:
            return quotes_in(body) == sum(map(_quotes_of_document, _generic(body)))
        return quotes_in(body) == sum(quotes for quotes in each if quotes is not None)

    def _quotes_of(self, said: ParsedEvent[Any]) -> int | None:
        """How many quotes the event takes; None: that takes a look at the document, where null is not left away."""
        if None in astuple(said.data):
            return None
        given = (said.source is not UNSET) + (said.id is not UNSET) + (said.time is not UNSET)
        if said.specversion is UNSET and said.type is UNSET:
            return self._data + PAIR * given
        if given < 3 or said.specversion is UNSET or said.type is UNSET:
            return NEVER
        return self._data + PAIR * 5


def _quotes_of_document(document: dict[str, Any]) -> int:
    attributes = [name for name in document if name != "data"]
    whole = "specversion" in document
    if not (ENVELOPE if whole else SHORTHAND).issuperset(attributes) or (whole and len(attributes) < len(ENVELOPE)):
        return NEVER
    data = document["data"]
    return PAIR * len(attributes) + QUOTES * (1 + len(data) + sum(isinstance(value, str) for value in data.values()))
