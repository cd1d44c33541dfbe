"""Consecutive records of the memory log, compressed: for those that will hardly be read again."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from penstock.bus.memory.partition import Entry

_FASTEST = 1
_Fields = tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes]]]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Fields | None]).decode


class PackedRecords(NamedTuple):
    """The entries at offsets `[start, end)`."""

    start: int
    end: int
    content: bytes


def pack(start: int, entries: Sequence[Entry]) -> PackedRecords:
    """Compress the entries from an offset on."""
    fields = [
        None if entry is None else (entry.offset, entry.timestamp, entry.key, entry.value, entry.headers)
        for entry in entries
    ]
    return PackedRecords(start, start + len(entries), zlib.compress(_encode(fields), _FASTEST))


def unpack(packed: PackedRecords) -> list[_Fields | None]:
    """The fields of the records, None for a marker."""
    return _decode(zlib.decompress(packed.content))
