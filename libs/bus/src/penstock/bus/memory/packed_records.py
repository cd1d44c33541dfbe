"""Consecutive records of the memory log, compressed into a temporary file: for those that will hardly be read again."""

from __future__ import annotations

import tempfile
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
    """Where the entries at offsets `[start, end)` lie in the file."""

    start: int
    end: int
    position: int
    size: int


class PackedFile:
    """A file without a name, which is gone once it is closed or the process ends."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`

    def pack(self, start: int, entries: Sequence[Entry]) -> PackedRecords:
        """Compress the entries from an offset on."""
        fields = [
            None if entry is None else (entry.offset, entry.timestamp, entry.key, entry.value, entry.headers)
            for entry in entries
        ]
        content = zlib.compress(_encode(fields), _FASTEST)
        position = self._file.seek(0, 2)
        self._file.write(content)
        return PackedRecords(start, start + len(entries), position, len(content))

    def unpack(self, packed: PackedRecords) -> list[_Fields | None]:
        """The fields of the records, None for a marker."""
        self._file.seek(packed.position)
        return _decode(zlib.decompress(self._file.read(packed.size)))

    def close(self) -> None:
        """Delete it."""
        self._file.close()
