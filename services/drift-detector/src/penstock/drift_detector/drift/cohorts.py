"""Losses by event time, until the labels of all events of their time are known or have expired."""

from __future__ import annotations

from math import inf

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from penstock.ml.drift.loss_sums import LossSums

Floats = NDArray[np.float64]

COHORTS_OF_HORIZON = 8  # a cohort spans so small a part of the horizon
MAX_COHORTS = 32  # more than are open where event time runs evenly


class Cohorts(Struct):
    """The sums of each cohort by its number, and the newest event time. Times and the horizon are in seconds."""

    newest: float = -inf
    by_number: dict[int, LossSums] = msgspec.field(default_factory=dict)

    def add(self, times: Floats, losses: Floats, groups: NDArray[np.int64], horizon: float) -> None:
        """Add n losses by the times of their events."""
        numbers = np.floor(times / _width(horizon)).astype(np.int64)
        for number, loss, group in zip(numbers.tolist(), losses.tolist(), groups.tolist(), strict=True):
            sums = self.by_number.get(number)
            if sums is None:
                sums = self.by_number[number] = LossSums()
            sums.add(loss, group)

    def advance(self, times: Floats) -> None:
        """Note that events of these times have happened."""
        self.newest = max(self.newest, float(times.max(initial=-inf)))

    def pop_complete(self, horizon: float) -> LossSums:
        """Remove the cohorts of which the horizon has passed, and the oldest ones if there are too many; their sums."""
        width, complete = _width(horizon), LossSums()
        for position, number in enumerate(sorted(self.by_number, reverse=True)):
            if position >= MAX_COHORTS or (number + 1) * width + horizon <= self.newest:
                complete += self.by_number.pop(number)
        return complete


def _width(horizon: float) -> float:
    return max(horizon / COHORTS_OF_HORIZON, 1e-6)
