"""State keys in the order in which they were put, so that the oldest are deleted without reading the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.bus.state.unit_state import State
from penstock.validator.operation_state import KEY_LENGTH, Kind, time_of

CHUNK = 256  # keys: a chunk is written whole, so large ones cost bytes and small ones cost reads
MAX_CHUNKS_PER_BATCH = 16  # deleted after a batch: more than a batch can fill, and quickly done


class ExpiryQueue:
    """A queue of the keys of one kind, held in the state itself in numbered chunks.

    A chunk starts with the time of its newest key. Only the last chunk, which is being filled, is also in memory:
    opening the queue costs nothing, nor does holding a day of keys.
    """

    def __init__(self, state: State, kind: Kind) -> None:
        self._state = state
        self._ends_key = f"q{kind}".encode()
        self._chunk_prefix = f"c{kind}".encode()
        ends = state.get(self._ends_key) or bytes(16)
        self._first, self._last = int.from_bytes(ends[:8], "big"), int.from_bytes(ends[8:], "big")
        open_chunk = state.get(self._chunk_key(self._last)) or b""
        self._newest = time_of(open_chunk) if open_chunk else 0
        self._open_keys = bytearray(open_chunk[8:])

    def push(self, keys: Sequence[tuple[bytes, int]]) -> None:
        """Append keys, each with the log-append time (ms) at which it was put, and write them to the state."""
        for part in self._by_chunk(keys):
            newest = max([time for _, time in part])
            self._newest = max(self._newest, newest) if self._open_keys else newest
            self._open_keys += b"".join([key for key, _ in part])
            self._write_chunk()
        if keys:
            self._write_ends()

    def _by_chunk(self, keys: Sequence[tuple[bytes, int]]) -> Iterator[Sequence[tuple[bytes, int]]]:
        """The keys in parts that each fit the chunk that is open when they come."""
        start = 0
        while start < len(keys):
            room = CHUNK - len(self._open_keys) // KEY_LENGTH
            if not room:
                self._last += 1
                self._open_keys.clear()
                room = CHUNK
            yield keys[start : start + room]
            start += room

    def delete_before(self, cutoff: int) -> None:
        """Delete keys that were put before `cutoff` (ms), the oldest chunks first, at most so many at once."""
        first = self._first
        while self._first < min(self._last, first + MAX_CHUNKS_PER_BATCH) and self._delete_first_chunk(cutoff):
            self._first += 1
        if self._first > first:
            self._write_ends()

    def _delete_first_chunk(self, cutoff: int) -> bool:
        chunk = self._state.get(self._chunk_key(self._first)) or bytes(8)
        if time_of(chunk) >= cutoff:
            return False
        keys = [chunk[start : start + KEY_LENGTH] for start in range(8, len(chunk), KEY_LENGTH)]
        for key, value in zip(keys, self._state.get_many(keys), strict=True):
            if value is not None and time_of(value) < cutoff:  # else it was put again since
                self._state.delete(key)
        self._state.delete(self._chunk_key(self._first))
        return True

    def _write_chunk(self) -> None:
        newest = self._newest.to_bytes(8, "big", signed=True)
        self._state.put(self._chunk_key(self._last), newest + bytes(self._open_keys))

    def _write_ends(self) -> None:
        self._state.put(self._ends_key, self._first.to_bytes(8, "big") + self._last.to_bytes(8, "big"))

    def _chunk_key(self, number: int) -> bytes:
        return self._chunk_prefix + number.to_bytes(8, "big")
