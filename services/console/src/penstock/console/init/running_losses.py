"""What the earlier labels of a group tell of its next one: to learn what the values of a column are for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

MIN_GAIN = 0.02  # of the loss
MIN_STANDARD_ERRORS = 3.0  # of the gain above 0; groups that tell nothing lose
SHRINKAGE = 5  # rows that the rate of all rows counts for in the rate of a group
BINS = 20  # of numbers: a measure tells in bins what it tells by value, an id does not

Losses = NDArray[np.float64]


def running_losses(groups: Sequence[Hashable], labels: Sequence[str], *, numbers: bool) -> Losses:
    """The loss at each row of what the earlier rows of its group had, shrunk to what all had: shape (n,).

    It is the log loss of a class, and the squared error of a number.
    """
    return _squared_errors(groups, [float(label) for label in labels]) if numbers else _log_losses(groups, labels)


def _log_losses(groups: Sequence[Hashable], labels: Sequence[str]) -> Losses:
    classes = max(len(set(labels)), 1)
    seen: defaultdict[Hashable, int] = defaultdict(int)
    of_class: defaultdict[tuple[Hashable, str], int] = defaultdict(int)
    everywhere: defaultdict[str, int] = defaultdict(int)
    losses = np.empty(len(labels))
    for row, (group, label) in enumerate(zip(groups, labels, strict=True)):
        overall = (everywhere[label] + 1 / classes) / (row + 1)
        losses[row] = -log((of_class[group, label] + SHRINKAGE * overall) / (seen[group] + SHRINKAGE))
        everywhere[label] += 1
        seen[group] += 1
        of_class[group, label] += 1
    return losses


def _squared_errors(groups: Sequence[Hashable], labels: Sequence[float]) -> Losses:
    seen: defaultdict[Hashable, int] = defaultdict(int)
    sums: defaultdict[Hashable, float] = defaultdict(float)
    total, losses = 0.0, np.empty(len(labels))
    for row, (group, label) in enumerate(zip(groups, labels, strict=True)):
        overall = total / row if row else label
        losses[row] = (label - (sums[group] + SHRINKAGE * overall) / (seen[group] + SHRINKAGE)) ** 2
        total += label
        seen[group] += 1
        sums[group] += label
    return losses


def quantile_bins(numbers: NDArray[np.float64]) -> list[int]:
    """The bin of each of n numbers, -1 where one is missing; all bins hold as many."""
    if np.isnan(numbers).all():
        return [-1] * len(numbers)
    edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1]))
    found: list[int] = np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers)).tolist()
    return found


def loss_gain(losses: Losses, references: Sequence[Losses]) -> float:
    """By what share the losses are below those of the best reference; 0 where it is not much, or may be chance."""
    best = min(references, key=lambda reference: float(reference.mean()))
    differences = best - losses
    error = float(differences.std()) / sqrt(len(differences))
    gain = float(differences.mean())
    is_sure = gain > MIN_STANDARD_ERRORS * error and gain > MIN_GAIN * float(best.mean())
    return gain / float(best.mean()) if is_sure else 0.0
