"""Keys in the order in which they were put, so that the oldest can be deleted without looking at the others."""

from __future__ import annotations

from penstock.bus.state.state import State
from penstock.validator.operation_state import KEY_LENGTH, Kind, time_of

CHUNK = 256  # keys: a chunk is written whole, so large ones cost bytes and small ones cost reads
CHUNKS_AT_ONCE = 16  # looked at after a batch: more than it can fill, and soon done


class ExpiryQueue:
    """A queue of one kind's keys in the state itself, in numbered chunks.

    A chunk begins with the time of its newest key; only the one that is being filled is also in memory, so neither
    opening nor holding a day of keys costs anything.
    """

    def __init__(self, state: State, kind: Kind) -> None:
        self._state = state
        self._ends = f"q{kind}".encode()
        self._chunks = f"c{kind}".encode()
        ends = state.get(self._ends) or bytes(16)
        self._first, self._last = int.from_bytes(ends[:8], "big"), int.from_bytes(ends[8:], "big")
        filling = state.get(self._key(self._last)) or b""
        self._newest = time_of(filling) if filling else 0
        self._filling = bytearray(filling[8:])
        self._changed = False

    def push(self, key: bytes, time: int) -> None:
        """Append a key that was put at `time` (log-append time, ms)."""
        if len(self._filling) >= CHUNK * KEY_LENGTH:
            self._write_chunk()
            self._last += 1
            self._filling.clear()
        self._newest = max(self._newest, time) if self._filling else time
        self._filling += key
        self._changed = True

    def write(self) -> None:
        """Put into the state what was pushed since."""
        if self._changed:
            self._write_chunk()
            self._write_ends()
            self._changed = False

    def forget(self, before: int) -> None:
        """Delete keys that were put before `before`, the oldest chunks first and not all at once."""
        first = self._first
        while self._first < min(self._last, first + CHUNKS_AT_ONCE) and self._forget_chunk(before):
            self._first += 1
        if self._first > first:
            self._write_ends()

    def _forget_chunk(self, before: int) -> bool:
        chunk = self._state.get(self._key(self._first)) or bytes(8)
        if time_of(chunk) >= before:
            return False
        keys = [chunk[start : start + KEY_LENGTH] for start in range(8, len(chunk), KEY_LENGTH)]
        for key, value in zip(keys, self._state.get_many(keys), strict=True):
            if value is not None and time_of(value) < before:  # else it was put again since
                self._state.delete(key)
        self._state.delete(self._key(self._first))
        return True

    def _write_chunk(self) -> None:
        newest = self._newest.to_bytes(8, "big", signed=True)
        self._state.put(self._key(self._last), newest + bytes(self._filling))

    def _write_ends(self) -> None:
        self._state.put(self._ends, self._first.to_bytes(8, "big") + self._last.to_bytes(8, "big"))

    def _key(self, number: int) -> bytes:
        return self._chunks + number.to_bytes(8, "big")
