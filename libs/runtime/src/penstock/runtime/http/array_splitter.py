"""Splitting a JSON array into its items, in pieces of a bounded size.

A piece that ends between two objects is decoded as an array of its own. If each piece is JSON, so is the whole, and the
items are the same; where a piece is none, since it ends within a text or within an item, or holds a NaN, brackets are
counted as far as it reaches.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec

from penstock.contracts.refusals import Refusal
from penstock.runtime.http.problems import Problem, problem_of
from penstock.runtime.http.value_count import MOST_VALUES, TOO_MANY_VALUES

PIECE_BYTES = 128 << 10  # decoded at a time; the last piece, or one of large items, is up to twice as large
COUNT_BYTES = 8 << 10  # whose brackets are counted at a time
MAX_DEPTH = 1000  # of brackets; decoders refuse documents that are nested as deep
MAX_ITEM_BYTES = 64 << 10  # of an item that is looked into here; a larger one is decoded later, in a thread

Slices = Iterator[list[bytes]]
"""The documents of a body, those of a slice at a time; a slice may hold none."""

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT = rb'[\[{](?:[^"\[\]{}]++|' + _STRING + rb")*+[\]}]"
_SKIP_ITEMS = re.compile(rb'(?:[^"\[\]{},]++|' + _STRING + rb")*+", re.DOTALL)
_SKIP_INSIDE = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb"|" + _FLAT + rb")*+", re.DOTALL)
_IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_BETWEEN_OBJECTS = re.compile(rb"\}[ \t\r\n]*+,(?=[ \t\r\n]*+\{)")
_WHITESPACE = b" \t\r\n"
_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


class ArraySplitter:
    """Splits one array."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._position = len(body) - len(body.lstrip(_WHITESPACE)) + 1
        self._depth = 1  # the array's own bracket
        self._in_string = False
        self._item_start = self._array_start = self._position
        self._item_brackets = 0
        self._items: list[bytes] = []

    def slices(self) -> Slices:
        """The items, those of a slice at a time.

        Raises:
            Problem: the body is no JSON array, or an item of it has more values than a record may have.
        """
        if self._body[self._position - 1 : self._position] != b"[":
            raise problem_of(Refusal("wrong_type", "expected array"))
        while self._depth:
            piece = self._decode_piece()
            if piece is None:
                yield from self._count_brackets()
            else:
                yield piece

    def _decode_piece(self) -> list[bytes] | None:
        """The items of the next piece; None when it is no JSON, or ends between no two objects."""
        start, least = self._position, self._position + PIECE_BYTES
        is_last = len(self._body) <= least + PIECE_BYTES
        border = None if is_last else _BETWEEN_OBJECTS.search(self._body, least, least + PIECE_BYTES)
        if border is None and not is_last:
            return None
        text = self._body[start:] if border is None else self._body[start : border.start()] + b"}]"
        try:
            items = [bytes(item) for item in _decode_array(b"[" + text)]
        except _FAILURES:
            return None
        if not items and start != self._array_start:
            raise _malformed()  # a comma before the end
        if border is None:
            self._depth = 0
        else:
            self._position = self._item_start = border.end()
        return items

    def _count_brackets(self) -> Slices:
        """Split by counting as far as a piece reaches, and to the end of the item there."""
        reach = self._position + PIECE_BYTES
        while self._depth and not self._is_between_items(reach):
            if self._position >= len(self._body):
                raise _malformed()
            end = min(self._position + COUNT_BYTES, len(self._body))
            while self._depth and self._position < end and not self._is_between_items(reach):
                self._step(end)
            items, self._items = self._items, []
            if not all(map(_is_document, items)):
                raise _malformed()
            yield items
        if not self._depth and self._body[self._position :].strip(_WHITESPACE):
            raise _malformed()

    def _is_between_items(self, reach: int) -> bool:
        return self._position >= reach and self._position == self._item_start

    def _step(self, end: int) -> None:
        """Skip to the next character that matters, and past it."""
        skip = _IN_STRING if self._in_string else _SKIP_ITEMS if self._depth == 1 else _SKIP_INSIDE
        skipped = skip.match(self._body, self._position, end)
        assert skipped is not None, "every pattern matches nothing"
        at = skipped.end()
        if at == end:
            self._position = at
            return
        self._position = at + 1
        match self._body[at : at + 1]:
            case b"\\":  # its character lies in the next slice
                self._position = at + 2
            case b'"':
                self._in_string = not self._in_string
            case b"[" | b"{":
                self._open()
            case b",":
                self._add_item(at)
            case bracket:
                self._close(at, bracket)

    def _open(self) -> None:
        self._depth += 1
        self._item_brackets += 1
        if self._depth > MAX_DEPTH:
            raise _malformed()
        if self._item_brackets > MOST_VALUES:
            raise Problem(413, "too_large", TOO_MANY_VALUES)

    def _close(self, at: int, bracket: bytes) -> None:
        self._depth -= 1
        if self._depth:
            return
        if bracket != b"]":
            raise _malformed()
        is_empty = self._item_start == self._array_start and not self._body[self._array_start : at].strip(_WHITESPACE)
        if not is_empty:
            self._add_item(at)

    def _add_item(self, end: int) -> None:
        self._items.append(self._body[self._item_start : end].strip(_WHITESPACE))
        self._item_start = end + 1
        self._item_brackets = 0


def _is_document(item: bytes) -> bool:
    """Whether it is JSON, which may have NaN or Infinity; a large one is not looked into."""
    if len(item) > MAX_ITEM_BYTES:
        return True
    try:
        _decode_raw(item)
    except _FAILURES:
        return _is_lenient_document(item)
    return True


def _is_lenient_document(item: bytes) -> bool:
    try:
        json.loads(item.decode("utf-8"))
    except ValueError as error:
        return "integer string conversion" in str(error)
    except RecursionError:
        return False
    return True


def _malformed() -> Problem:
    return problem_of(Refusal("malformed", "expected one JSON document in UTF-8"))
