"""Detectors over one series, whose state is the series itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penstock.bus.state.state import State
from penstock.drift_detector.stored_series import CHUNK, Series
from penstock.ml.drift.detectors import Direction, SequentialDetector, rebuild_detector

REMEMBERED = 20_000  # values; a multiple of 2 * CHUNK, as are the following
REMEMBERED_BY = {"kswin": 1_000}  # refolding it costs a millisecond a value
RECENT = 100  # values whose mean says how it is now


@dataclass(frozen=True, slots=True)
class Tip:
    """A detector tipped: the mean of the newest values is `now`, that of those before them was `before`."""

    detector: str
    now: float
    before: float


@dataclass(frozen=True, slots=True)
class Setup:
    """Which detectors watch, and what they are told; `bounded`: the values lie in [0, 1]."""

    detectors: tuple[str, ...]
    seed: int
    bounded: bool


class Watch:
    """Detectors that start anew together when one of them tips, so that one change is one alarm.

    What is kept are the values since then. When there are too many, the older half is forgotten and the detectors
    are folded anew from the rest: a watch that goes on and one that is opened again are always in the same state.
    """

    def __init__(self, state: State, prefix: bytes, direction: Direction) -> None:
        self._direction: Direction = direction
        self._series = Series(state, prefix, "d")
        self._setup: Setup | None = None
        self._detectors: list[SequentialDetector] = []
        self._most = REMEMBERED

    def set_up(self, setup: Setup) -> None:
        """Watch by these detectors; others than before are folded from the values that are kept."""
        if setup != self._setup:
            self._setup = setup
            self._most = min([REMEMBERED_BY.get(name, REMEMBERED) for name in setup.detectors], default=REMEMBERED)
            self._refold()

    def feed(self, values: Sequence[float]) -> list[tuple[int, Tip]]:
        """Take in the newest values, all finite: which detectors were tipped, with the place of the value that did it."""
        found: list[tuple[int, Tip]] = []
        start = 0
        while start < len(values):
            room = max(self._most - len(self._series), 1)  # fewer may be remembered by other detectors than before
            some = values[start : start + room]
            place, names = self._first_tipped(some)
            self._series.extend(some[: place + 1])
            if names:
                found += [(start + place, tip) for tip in self._tips(names)]
                self.restart()
            elif len(self._series) >= self._most:
                self._series.drop((len(self._series) - self._most // 2) // CHUNK * CHUNK)
                self._refold()
            start += place + 1
        return found

    def _first_tipped(self, values: Sequence[float]) -> tuple[int, list[str]]:
        """The first place whose value tipped detectors, and which; or the last place, when none did."""
        for place, value in enumerate(values):
            names = [detector.name for detector in self._detectors if detector.tipped_by(value)]
            if names:
                return place, names
        return len(values) - 1, []

    def restart(self) -> None:
        """Forget what was."""
        self._series.clear()
        self._refold()

    def save(self) -> None:
        """Hand the values over to the state."""
        self._series.save()

    def _tips(self, detectors: Sequence[str]) -> list[Tip]:
        values = np.array(self._series.values)
        recent = min(RECENT, max(len(values) // 2, 1))
        now, before = float(values[-recent:].mean()), float(values[: len(values) - recent or 1].mean())
        return [Tip(name, now, before) for name in detectors]

    def _refold(self) -> None:
        if self._setup is not None:
            setup, values = self._setup, np.array(self._series.values)
            self._detectors = [
                rebuild_detector(name, values, setup.seed, self._direction, setup.bounded) for name in setup.detectors
            ]


assert all(most % (2 * CHUNK) == 0 for most in (REMEMBERED, *REMEMBERED_BY.values()))
