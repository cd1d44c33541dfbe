"""Whether the share of some cases among all is too high, remembered in a unit's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from penstock.bus.state.unit_state import State

Level = Literal["high", "normal"]


class _Window(msgspec.Struct, array_like=True):
    cases: int = 0
    hits: int = 0
    is_high: bool = False


@dataclass(frozen=True)
class LevelChange:
    """What the level has come to, and the window that showed it: its cases, and how many of them were hits."""

    level: Level
    cases: int
    hits: int


class ShareLevel:
    """Judged whenever `window` cases have come: high from a share of `high` on, normal again below `low`."""

    def __init__(self, state: State, key: bytes, *, window: int, high: float, low: float) -> None:
        self._state = state
        self._key = key
        self._size = window
        self._high = high
        self._low = low

    def update(self, cases: int, hits: int) -> LevelChange | None:
        """Count cases, `hits` of which are of the kind; the level where it changed with them."""
        stored = self._state.get(self._key)
        window = msgspec.msgpack.decode(stored, type=_Window) if stored else _Window()
        window.cases, window.hits = window.cases + cases, window.hits + hits
        change = self._judge(window) if window.cases >= self._size else None
        self._state.put(self._key, msgspec.msgpack.encode(window))
        return change

    def _judge(self, window: _Window) -> LevelChange | None:
        """The change of the level by a full window, which is emptied."""
        cases, hits, was_high = window.cases, window.hits, window.is_high
        window.cases, window.hits = 0, 0
        window.is_high = hits >= (self._low if was_high else self._high) * cases
        if window.is_high == was_high:
            return None
        return LevelChange("high" if window.is_high else "normal", cases, hits)
