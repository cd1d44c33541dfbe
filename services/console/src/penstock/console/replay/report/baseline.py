"""What a replay is compared with: the constant that fits the labels of the rows so far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from penstock.ml.models.decision_costs import DecisionCosts, decided_classes

GROWTH = 1.05  # the median is found anew whenever the rows have grown by a twentieth


def constant_class(
    labels: NDArray[np.int64], classes: int, costs: DecisionCosts | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The most frequent class of the rows before each row, and the shares of all classes, each counted once more.

    With costs it is the class of least expected cost.

    Args:
        labels: codes of classes in the order of the rows, shape (n,).
        classes: how many there are.
        costs: of the answers (column) by the label (row), (classes, classes).

    Returns:
        The answers, shape (n,), the first class where two are equally frequent; and probabilities, shape (n, classes).

    >>> constant_class(np.array([1, 1, 0, 0, 0]), 2)[0].tolist()
    [0, 1, 1, 1, 0]
    """
    shares = np.empty((len(labels), classes), dtype=np.float32)
    before = np.arange(len(labels), dtype=np.float64)
    for code in range(classes):
        hits = labels == code
        shares[:, code] = (np.cumsum(hits) - hits + 1) / (before + classes)
    return decided_classes(shares.astype(np.float64), costs), shares


def running_median(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median of the labels before each row, 0 before the first; it is found anew in steps of a twentieth.

    >>> running_median(np.array([5.0, 1.0, 1.0, 9.0])).tolist()
    [0.0, 5.0, 3.0, 1.0]
    """
    medians = np.zeros(len(labels))
    first = 1
    while first < len(labels):
        last = max(first + 1, int(first * GROWTH))
        medians[first:last] = np.median(labels[:first])
        first = last
    return medians
