"""Which columns are worth a history: those whose earlier labels tell more than the labels of all rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from penstock.console.init.proposal import HistoryKey

FEWEST_KEYS = 20  # fewer are a category that models see as it is
MIN_GAIN = 0.02  # of the loss
MIN_STANDARD_ERRORS = 3.0  # of the gain above 0; keys that tell nothing lose
SHRINKAGE = 5  # rows that the rate of all rows counts for in the rate of a key
RECENT_ROWS = 200  # a block of rows, whose rate tells as much as a key that lasts no longer
BINS = 20  # of numbers: a measure tells in bins what it tells by value, an id does not

Losses = NDArray[np.float64]


def propose_history_keys(
    columns: Mapping[str, tuple[Sequence[str | None], NDArray[np.float64] | None]],
    labels: Sequence[str],
    *,
    numbers: bool,
) -> tuple[HistoryKey, ...]:
    """The columns whose earlier labels help, the best first.

    Args:
        columns: by name the values of n rows, and the same as numbers, shape (n,), or None for text.
        labels: n labels in order, classes or numbers.
        numbers: whether the labels are numbers.

    >>> shops = [str(row * 7 % 30) for row in range(3000)]
    >>> labels = ["yes" if int(shop) < 9 else "no" for shop in shops]
    >>> [key.column for key in propose_history_keys({"shop": (shops, None)}, labels, numbers=False)]
    ['shop']
    """
    blocks = [row // RECENT_ROWS for row in range(len(labels))]
    references = [running_losses(groups, labels, numbers=numbers) for groups in ([0] * len(labels), blocks)]
    found = []
    for name, (values, amounts) in columns.items():
        if not FEWEST_KEYS <= len(set(values)) <= len(values) / 2:
            continue
        binned = [] if amounts is None else [running_losses(quantile_bins(amounts), labels, numbers=numbers)]
        gain = loss_gain(running_losses(values, labels, numbers=numbers), [*references, *binned])
        if gain:
            found.append(HistoryKey(name, gain))
    return tuple(sorted(found, key=lambda key: -key.gain))


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
