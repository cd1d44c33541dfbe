"""The newest values of a series, kept in the state in chunks."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Literal

from penstock.bus.state.unit_state import State

CHUNK = 100  # values


class StoredSeries:
    """Numbers in the order in which they came: float64 (`d`) or 64-bit integers (`q`)."""

    def __init__(self, state: State, prefix: bytes, kind: Literal["d", "q"]) -> None:
        self._state = state
        self._prefix = prefix
        self.values: array[float] | array[int] = array(kind)
        self._first_chunk = 0
        for key, chunk in state.scan(prefix):
            if not self.values:
                self._first_chunk = int.from_bytes(key[len(prefix) :], "big")
            self.values.frombytes(chunk)
        self._saved = len(self.values)

    def __len__(self) -> int:
        """How many values are kept."""
        return len(self.values)

    def extend(self, values: Sequence[float]) -> None:
        """Add the newest values."""
        self.values.extend(values)  # type: ignore[arg-type]

    def drop(self, count: int) -> None:
        """Delete the `count` oldest values, a multiple of `CHUNK`."""
        chunks = count // CHUNK
        for number in range(self._first_chunk, self._first_chunk + chunks):
            self._state.delete(self._key(number))
        self._first_chunk += chunks
        self._saved = max(self._saved - count, 0)
        del self.values[:count]

    def clear(self) -> None:
        """Delete all values."""
        self.drop(-(-len(self.values) // CHUNK) * CHUNK)
        self._first_chunk = 0

    def keep(self, count: int) -> None:
        """Delete all but the `count` newest values."""
        newest = self.values[len(self.values) - count :]
        self.clear()
        self.values = newest

    def save(self) -> None:
        """Write what was added to the state."""
        for start in range(self._saved // CHUNK * CHUNK, len(self.values), CHUNK):
            key = self._key(self._first_chunk + start // CHUNK)
            self._state.put(key, self.values[start : start + CHUNK].tobytes())
        self._saved = len(self.values)

    def _key(self, number: int) -> bytes:
        return self._prefix + number.to_bytes(8, "big")
