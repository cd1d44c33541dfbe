"""Losses by event time, until the labels of all events of their time are known or have expired."""

from __future__ import annotations

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from penstock.drift_detector.event_time import LONG_AGO
from penstock.ml.drift.loss_sums import LossSums

COHORTS_OF_HORIZON = 32  # a cohort spans so small a part of the horizon
MAX_COHORTS = 64  # more than are open where event time runs evenly


class Cohorts(Struct):
    """The sums of each cohort by its number, and the newest event time in microseconds."""

    newest: int = LONG_AGO
    by_number: dict[int, LossSums] = msgspec.field(default_factory=dict)

    def add(
        self, times: NDArray[np.int64], losses: NDArray[np.float64], groups: NDArray[np.int64], horizon: int
    ) -> None:
        """Add n losses by the times of their events."""
        numbers = times // _width(horizon)
        for number in np.unique(numbers).tolist():
            mine = numbers == number
            self.by_number.setdefault(number, LossSums()).add(losses[mine], groups[mine])

    def advance(self, times: NDArray[np.int64]) -> None:
        """Note that events of these times have happened."""
        self.newest = max(self.newest, int(times.max(initial=LONG_AGO)))

    def pop_complete(self, horizon: int) -> LossSums:
        """Remove the cohorts of which the horizon has passed, and the oldest ones if there are too many; their sums."""
        width, complete = _width(horizon), LossSums()
        for position, number in enumerate(sorted(self.by_number, reverse=True)):
            if position >= MAX_COHORTS or (number + 1) * width + horizon <= self.newest:
                complete += self.by_number.pop(number)
        return complete


def _width(horizon: int) -> int:
    return max(horizon // COHORTS_OF_HORIZON, 1)
