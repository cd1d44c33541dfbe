"""Which events were met before, among the newest: repeated work comes a second time."""

from __future__ import annotations

from penstock.bus.state import State
from penstock.drift_detector.series import Series


class Met:
    """The newest `most` event keys, by 8 bytes each, in memory and in the state."""

    def __init__(self, state: State, prefix: bytes, most: int) -> None:
        self._most = most
        self._order = Series(state, prefix, "q")
        self._marks = set(self._order.values)

    def __contains__(self, key: bytes) -> bool:
        return _mark(key) in self._marks

    def add(self, key: bytes) -> bool:
        """Remember an event; False when it was met before."""
        mark = _mark(key)
        if mark in self._marks:
            return False
        self._marks.add(mark)
        self._order.append(mark)
        if len(self._order) >= self._most:
            half = self._most // 2
            self._marks.difference_update(self._order.values[:half])
            self._order.drop(half)
        return True

    def save(self) -> None:
        """Hand what was added over to the state."""
        self._order.save()


def _mark(key: bytes) -> int:
    return int.from_bytes(key[:8], "big", signed=True)
