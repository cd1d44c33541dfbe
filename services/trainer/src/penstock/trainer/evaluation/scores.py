"""Losses as scores with 95 % intervals, which have no bounds where the rows are too few."""

from __future__ import annotations

from math import isnan

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Task
from penstock.contracts.records.training import Score
from penstock.ml.metrics import Interval, interval, paired_difference, score


def loss_score(task: Task, losses: NDArray[np.float64]) -> Score:
    """Accuracy or mean absolute error of n losses, 0 of none."""
    low, high = interval(task, losses).bounds
    return Score(value=_number(score(task, losses)), low=low, high=high, rows=len(losses))


def gain_score(champion: NDArray[np.float64], candidate: NDArray[np.float64]) -> Score:
    """How much less the candidate loses than the champion on the same n rows, 0 on none."""
    gain = paired_difference(champion, candidate)
    low, high = Interval(gain.low, gain.high).bounds
    return Score(value=_number(gain.mean), low=low, high=high, rows=gain.n)


def _number(value: float) -> float:
    return 0.0 if isnan(value) else value
