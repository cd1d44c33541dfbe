"""A topic partition of the memory log: records at consecutive offsets, of which the oldest and the newest may go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.bus.ports import Gap


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
    """Entries at offsets `[beginning, end)`."""

    def __init__(self, topic_id: str) -> None:
        self.topic_id = topic_id
        self.beginning = 0
        self._entries: list[Entry] = []

    @property
    def end(self) -> int:
        """The next offset."""
        return self.beginning + len(self._entries)

    @property
    def size(self) -> int:
        """The bytes of the keys and values."""
        return sum(len(entry.key or b"") + len(entry.value or b"") for entry in self.records())

    def offset_at(self, timestamp: int) -> int:
        """The offset of the first record at or after a time, the end where every record is older."""
        return next((entry.offset for entry in self.records() if entry.timestamp >= timestamp), self.end)

    def read(self, position: int, count: int) -> list[Entry]:
        """At most so many entries from an offset on, which lies within the partition or is its end."""
        first = position - self.beginning
        return self._entries[first : first + count]

    def records(self) -> list[MemoryRecord]:
        """All records."""
        return [entry for entry in self._entries if entry is not None]

    def append(
        self, timestamp: int, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> None:
        """Append a record."""
        self._entries.append(MemoryRecord(self.end, timestamp, key, value, headers))

    def append_marker(self) -> None:
        """Take an offset without a record."""
        self._entries.append(None)

    def expire(self, before_offset: int) -> None:
        """Drop what lies before an offset, as retention does."""
        before = min(before_offset, self.end)
        del self._entries[: max(0, before - self.beginning)]
        self.beginning = max(self.beginning, before)

    def truncate(self, end: int) -> None:
        """Drop what lies at an offset and after it, as an unclean broker does."""
        del self._entries[max(0, end - self.beginning) :]

    def gap_at(self, position: int) -> Gap | None:
        """The gap that a reader at this position meets."""
        if position < self.beginning:
            return Gap("expired", position, self.beginning)
        if position > self.end:
            return Gap("lost", position, self.end)
        return None
