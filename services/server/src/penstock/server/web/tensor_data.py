"""The values of tensors in JSON, read and written so many at a time: a request may hold millions.

Used in a thread, where one long call of a decoder would hold the interpreter all along.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from penstock.contracts.codecs.duplicate_keys import count_keys, count_written_keys
from penstock.runtime.http.body_slices import array_slices
from penstock.runtime.http.problems import Problem

PIECE_BYTES = 128 << 10  # decoded in one call
PIECE_VALUES = 50_000  # encoded in one call
MAX_DEPTH = 4  # of large parts of a request: inputs, a tensor, its data, a row

_QUOTED = re.compile(rb'"(?:[^"\\]++|\\.)*+"[ \t\r\n]*+(:?)', re.DOTALL)
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


def names_a_key_twice(body: bytes) -> bool:
    """Whether an object in the JSON text `body` names a key twice.

    >>> names_a_key_twice(b'{"a": [{"b": 1, "b": 2}]}')
    True

    Raises:
        Problem: large parts of it are nested deeper than a request's.
    """
    if len(body) <= PIECE_BYTES:
        return count_written_keys(body) != count_keys(msgspec.json.decode(body))
    return sum(1 for text in _QUOTED.finditer(body) if text.group(1)) != _count_keys(body)


def _count_keys(text: bytes, depth: int = 0) -> int:
    first = text.lstrip(b" \t\r\n")[:1]
    if first not in (b"[", b"{") or b"{" not in text:
        return 0
    if depth > MAX_DEPTH:
        raise Problem(413, "too_large", "expected tensors of values, not of nested arrays or objects", "inputs")
    if len(text) <= PIECE_BYTES:
        return count_keys(msgspec.json.decode(text))
    if first == b"{":
        members = _decode_members(text)
        return len(members) + sum(_count_keys(bytes(member), depth + 1) for member in members.values())
    return sum(_count_keys(item, depth + 1) for items in array_slices(text) for item in items)


def encode_values(values: Sequence[Any]) -> Raw:
    """The values as a JSON array.

    >>> bytes(encode_values([0.5, "a"]))
    b'[0.5,"a"]'
    """
    pieces = (_encode(values[start : start + PIECE_VALUES])[1:-1] for start in range(0, len(values), PIECE_VALUES))
    return Raw(b"[%b]" % b",".join(pieces))
