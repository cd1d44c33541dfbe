"""Sequential detectors over one series, whose state is the series itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penstock.bus.state.unit_state import State
from penstock.drift_detector.stored_series import CHUNK, StoredSeries
from penstock.ml.drift.detectors import Direction, SequentialDetector, rebuild_detector

MAX_VALUES = 20_000  # kept; a multiple of 2 * CHUNK, as are the following
MAX_VALUES_OF = {"kswin": 1_000}  # to rebuild it costs a millisecond a value
RECENT = 100  # newest values, whose mean an alarm states


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm of a detector: `mean` is that of the newest values, `earlier_mean` that of those before them."""

    detector: str
    mean: float
    earlier_mean: float


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """The detectors by name, and their settings; `bounded`: the values lie in [0, 1]."""

    detectors: tuple[str, ...]
    seed: int
    bounded: bool


def max_values_of(detectors: Sequence[str]) -> int:
    """How many values these detectors keep at most."""
    return min((MAX_VALUES_OF.get(name, MAX_VALUES) for name in detectors), default=MAX_VALUES)


class SeriesDetectors:
    """Detectors that restart together when one of them gives an alarm, so that one change is one alarm.

    The values since then are kept. When there are too many, the older half is deleted and the detectors are rebuilt
    from the others: detectors that go on and those that are opened again are always in the same state.
    """

    def __init__(self, state: State, prefix: bytes, direction: Direction) -> None:
        self._direction: Direction = direction
        self._series = StoredSeries(state, prefix, "d")
        self._settings: DetectorSettings | None = None
        self._detectors: list[SequentialDetector] = []
        self._max_values = MAX_VALUES

    def configure(self, settings: DetectorSettings) -> None:
        """Use these detectors; if they are others than before, rebuild them from the values that are kept."""
        if settings != self._settings:
            self._settings = settings
            self._max_values = max_values_of(settings.detectors)
            self._rebuild()

    def update(self, values: Sequence[float]) -> list[tuple[int, Alarm]]:
        """Observe the newest values, all finite; alarms with the index of the value that fired them."""
        alarms: list[tuple[int, Alarm]] = []
        start = 0
        while start < len(values):
            room = max(self._max_values - len(self._series), 1)  # the detectors before may have kept more values
            part = values[start : start + room]
            index, names = self._first_alarm(part)
            self._series.extend(part[: index + 1])
            if names:
                alarms += [(start + index, alarm) for alarm in self._alarms(names)]
                self.restart()
            elif len(self._series) >= self._max_values:
                self._series.drop((len(self._series) - self._max_values // 2) // CHUNK * CHUNK)
                self._rebuild()
            start += index + 1
        return alarms

    def restart(self) -> None:
        """Forget all values."""
        self._series.clear()
        self._rebuild()

    def save(self) -> None:
        """Write the values to the state."""
        self._series.save()

    def _first_alarm(self, values: Sequence[float]) -> tuple[int, list[str]]:
        """Index and detectors of the first alarm; the last index, and no detectors, if there is none."""
        for index, value in enumerate(values):
            names = [detector.name for detector in self._detectors if detector.update_one(value)]
            if names:
                return index, names
        return len(values) - 1, []

    def _alarms(self, detectors: Sequence[str]) -> list[Alarm]:
        values = np.array(self._series.values)
        recent = min(RECENT, max(len(values) // 2, 1))
        mean, earlier_mean = float(values[-recent:].mean()), float(values[: len(values) - recent or 1].mean())
        return [Alarm(detector, mean, earlier_mean) for detector in detectors]

    def _rebuild(self) -> None:
        if self._settings is not None:
            settings, values = self._settings, np.array(self._series.values)
            self._detectors = [
                rebuild_detector(name, values, settings.seed, self._direction, settings.bounded)
                for name in settings.detectors
            ]


assert all(limit % (2 * CHUNK) == 0 for limit in (MAX_VALUES, *MAX_VALUES_OF.values()))
