"""Which events were met before, among the newest: repeated work comes a second time."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from penstock.bus.state.state import State
from penstock.drift_detector.stored_series import Series

_KEY = struct.Struct(">qq")  # an event key: its first half is the mark


class Met:
    """The newest `most` event keys, by 8 bytes each, in memory and in the state."""

    def __init__(self, state: State, prefix: bytes, most: int) -> None:
        self._most = most
        self._order = Series(state, prefix, "q")
        self._marks = set(self._order.values)

    def __contains__(self, key: bytes) -> bool:
        return _mark(key) in self._marks

    def add(self, keys: Sequence[bytes]) -> list[int]:
        """Remember events in this order: the places of those that were not met before."""
        marks, order = self._marks, self._order.values
        fresh = []
        for place, mark in enumerate(marks_of(keys)):
            if mark not in marks:
                marks.add(mark)
                order.append(mark)
                fresh.append(place)
                if len(order) >= self._most:
                    self._forget_half()
        return fresh

    def save(self) -> None:
        """Hand what was added over to the state."""
        self._order.save()

    def _forget_half(self) -> None:
        half = self._most // 2
        self._marks.difference_update(self._order.values[:half])
        self._order.drop(half)


def _mark(key: bytes) -> int:
    return int.from_bytes(key[:8], "big", signed=True)


def marks_of(keys: Sequence[bytes]) -> list[int]:
    """By what each event is remembered."""
    return [mark for mark, _ in _KEY.iter_unpack(b"".join(keys))]
