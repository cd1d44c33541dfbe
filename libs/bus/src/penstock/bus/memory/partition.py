"""A topic partition of the memory log: records at consecutive offsets, of which the oldest and the newest may go."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from penstock.bus.memory.packed_records import PackedFile, PackedRecords
from penstock.bus.ports import Gap

PACKED_BLOCK = 1000  # entries


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """A record of the memory log."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


Entry = MemoryRecord | None
"""What an offset holds: a record, or None for a marker that nobody reads."""


class MemoryPartition:
    """Entries at offsets `[beginning, end)`; the oldest may be packed, which are in a file."""

    def __init__(self, topic_id: str) -> None:
        self.topic_id = topic_id
        self.beginning = 0
        self._packed: deque[PackedRecords] = deque()
        self._file: PackedFile | None = None  # holds what is packed
        self._first = 0  # the offset of the first entry that is not packed
        self._entries: list[Entry] = []

    @property
    def end(self) -> int:
        """The next offset."""
        return self._first + len(self._entries)

    @property
    def in_memory(self) -> int:
        """How many entries are not packed."""
        return len(self._entries)

    @property
    def size(self) -> int:
        """The bytes of the keys and values."""
        return sum(len(entry.key or b"") + len(entry.value or b"") for entry in self.records())

    def offset_at(self, timestamp: int) -> int:
        """The offset of the first record at or after a time, the end where every record is older."""
        return next((entry.offset for entry in self.records() if entry.timestamp >= timestamp), self.end)

    def read(self, position: int, count: int) -> list[Entry]:
        """At most so many entries from an offset on, which lies within the partition or is its end."""
        if position < self._first:
            block = next(packed for packed in self._packed if position < packed.end)
            return self._unpacked(block)[position - block.start :][:count]
        first = position - self._first
        return self._entries[first : first + count]

    def records(self) -> list[MemoryRecord]:
        """All records."""
        entries = [entry for packed in self._packed for entry in self._unpacked(packed)] + self._entries
        return [entry for entry in entries if entry is not None and entry.offset >= self.beginning]

    def append(
        self, timestamp: int, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> None:
        """Append a record."""
        self._entries.append(MemoryRecord(self.end, timestamp, key, value, headers))

    def append_marker(self) -> None:
        """Take an offset without a record."""
        self._entries.append(None)

    def pack(self, before_offset: int) -> None:
        """Compress what lies before an offset into the file, in whole blocks; it can still be read."""
        while self._first + PACKED_BLOCK <= min(before_offset, self.end):
            self._file = self._file or PackedFile()
            self._packed.append(self._file.pack(self._first, self._entries[:PACKED_BLOCK]))
            del self._entries[:PACKED_BLOCK]
            self._first += PACKED_BLOCK

    def expire(self, before_offset: int) -> None:
        """Drop what lies before an offset, as retention does."""
        self.beginning = max(self.beginning, min(before_offset, self.end))
        while self._packed and self._packed[0].end <= self.beginning:
            self._packed.popleft()
        if not self._packed:
            del self._entries[: max(0, self.beginning - self._first)]
            self._first = max(self._first, self.beginning)

    def truncate(self, end: int) -> None:
        """Drop what lies at an offset and after it, as an unclean broker does."""
        while self._packed and self._packed[-1].end > end:
            block = self._packed.pop()
            self._entries[:0] = self._unpacked(block)
            self._first = block.start
        del self._entries[max(0, end - self._first) :]

    def gap_at(self, position: int) -> Gap | None:
        """The gap that a reader at this position meets."""
        if position < self.beginning:
            return Gap("expired", position, self.beginning)
        if position > self.end:
            return Gap("lost", position, self.end)
        return None

    def close(self) -> None:
        """Drop what is packed."""
        if self._file is not None:
            self._file.close()

    def _unpacked(self, packed: PackedRecords) -> list[Entry]:
        assert self._file is not None
        return [None if fields is None else MemoryRecord(*fields) for fields in self._file.unpack(packed)]
