"""Splitting a body into the documents in it, slice by slice: no body keeps other requests waiting for long.

A slice is what is split between two turns of the event loop. Splitting stops at the first document too many.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence

import msgspec

from penstock.contracts.refusals import Refusal
from penstock.runtime.http.problems import Problem, problem_of

SLICE_BYTES = 8 << 10  # split before other requests get their turn; a document that ends later is split with them
DOCUMENTS = 250  # decoded and checked before other requests get their turn
DOCUMENT_BYTES = 64 << 10  # of them; a larger one is decoded in a thread
WHOLE_COMMAS = 300_000  # of an array that is split in one go, which takes at most 35 ms: msgspec is ten times as fast
MAX_DEPTH = 1000  # of brackets; decoders refuse documents that are nested as deep
MAX_DOCUMENT_BYTES = 1 << 20  # of a document that is looked into: no record is larger

Slices = Iterator[list[bytes]]
"""The documents of a body, those of a slice at a time; a slice may hold none."""

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT = rb'[\[{](?:[^"\[\]{}]++|' + _STRING + rb")*+[\]}]"
_SKIP_ITEMS = re.compile(rb'(?:[^"\[\]{},]++|' + _STRING + rb")*+", re.DOTALL)
_SKIP_INSIDE = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb"|" + _FLAT + rb")*+", re.DOTALL)
_IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_WHITESPACE = b" \t\r\n"
_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


async def first_documents(slices: Slices, count: int) -> list[bytes]:
    """The documents of a body, at most `count`: of a body with more, some more than `count`.

    Raises:
        Problem: the body cannot be split.
    """
    documents = next(slices, [])
    for more in slices:
        await asyncio.sleep(0)
        documents += more
        if len(documents) > count:
            break
    return documents


def array_slices(body: bytes) -> Slices:
    """The items of a JSON array; one that is JSON but for NaN or Infinity is an item as well.

    >>> [item for items in array_slices(b'[{"x": 1.50}, NaN]') for item in items]
    [b'{"x": 1.50}', b'NaN']

    Raises:
        Problem: the body is no JSON array.
    """
    whole = _split_whole(body) if body.count(b",") <= WHOLE_COMMAS else None
    if whole is not None:
        yield whole
        return
    for items in _ArraySplitter(body).slices():
        if not all(map(_is_document, items)):
            raise _malformed()
        yield items


def _split_whole(body: bytes) -> list[bytes] | None:
    """The items, None where the body is no JSON array: some items may hold what no record may, such as NaN."""
    try:
        return [bytes(item) for item in _decode_array(body)]
    except _FAILURES:
        return None


def line_slices(body: bytes) -> Slices:
    r"""The lines of a body, without blank ones.

    >>> list(line_slices(b"1\n \r\n2"))
    [[b'1', b'2']]
    """
    start = 0
    while start < len(body):
        end = body.find(b"\n", start + SLICE_BYTES)
        end = len(body) if end < 0 else end
        yield [line for line in map(bytes.strip, body[start:end].split(b"\n")) if line]
        start = end + 1


def slices_of(documents: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Consecutive documents, at most `DOCUMENTS` and `DOCUMENT_BYTES` at a time, or one that is larger.

    >>> [len(part) for part in slices_of([b"1"] * (DOCUMENTS + 1))]
    [250, 1]
    """
    start = size = 0
    for index, document in enumerate(documents):
        size += len(document)
        if index > start and (index - start == DOCUMENTS or size > DOCUMENT_BYTES):
            yield documents[start:index]
            start, size = index, len(document)
    if documents:
        yield documents[start:]


class _ArraySplitter:
    """Finds the commas between an array's items. Brackets are counted here, and matched when an item is decoded."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._position = len(body) - len(body.lstrip(_WHITESPACE)) + 1
        self._depth = 1  # the array's own bracket
        self._in_string = False
        self._item_start = self._array_start = self._position
        self._items: list[bytes] = []

    def slices(self) -> Slices:
        if self._body[self._position - 1 : self._position] != b"[":
            raise problem_of(Refusal("wrong_type", "expected array"))
        while self._depth and self._position < len(self._body):
            end = min(self._position + SLICE_BYTES, len(self._body))
            while self._depth and self._position < end:
                self._step(end)
            items, self._items = self._items, []
            yield items
        if self._depth or self._body[self._position :].strip(_WHITESPACE):
            raise _malformed()

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
        if self._depth > MAX_DEPTH:
            raise _malformed()

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


def _is_document(item: bytes) -> bool:
    """Whether it is JSON, which may have NaN or Infinity; what is too large for a record is not looked into."""
    if len(item) > MAX_DOCUMENT_BYTES:
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
