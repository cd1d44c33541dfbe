"""The newest values of a series, kept in the state in chunks."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Literal

from penstock.bus.state.state import State

CHUNK = 100  # values


class Series:
    """Numbers in the order in which they came: float64 (`d`) or 64-bit integers (`q`)."""

    def __init__(self, state: State, prefix: bytes, kind: Literal["d", "q"]) -> None:
        self._state = state
        self._prefix = prefix
        self.values: array[float] | array[int] = array(kind)
        self._first = 0  # number of the first chunk
        for key, chunk in state.scan(prefix):
            if not self.values:
                self._first = int.from_bytes(key[len(prefix) :], "big")
            self.values.frombytes(chunk)
        self._saved = len(self.values)

    def __len__(self) -> int:
        """How many values are kept."""
        return len(self.values)

    def extend(self, values: Sequence[float]) -> None:
        """Add the newest values."""
        self.values.extend(values)  # type: ignore[arg-type]

    def drop(self, count: int) -> None:
        """Forget the `count` oldest values, a multiple of `CHUNK`."""
        chunks = count // CHUNK
        for number in range(self._first, self._first + chunks):
            self._state.delete(self._key(number))
        self._first += chunks
        self._saved = max(self._saved - count, 0)
        del self.values[:count]

    def clear(self) -> None:
        """Forget all."""
        self.drop(-(-len(self.values) // CHUNK) * CHUNK)
        self._first = 0

    def save(self) -> None:
        """Hand what was added over to the state."""
        for start in range(self._saved // CHUNK * CHUNK, len(self.values), CHUNK):
            self._state.put(self._key(self._first + start // CHUNK), self.values[start : start + CHUNK].tobytes())
        self._saved = len(self.values)

    def _key(self, number: int) -> bytes:
        return self._prefix + number.to_bytes(8, "big")
