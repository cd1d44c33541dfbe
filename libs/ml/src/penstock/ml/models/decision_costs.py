"""Which class is answered: the likeliest, or the one of least expected cost."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

DecisionCosts = tuple[tuple[float, ...], ...]
"""What it costs to answer each class (column) where another one is true (row), of k classes: k rows of k numbers."""

Floats = NDArray[np.float64]


def decided_classes(probabilities: Floats, costs: DecisionCosts | None) -> NDArray[np.intp]:
    """The class that is answered to each of n rows, shape (n,), by probabilities of shape (n, k); the first of equals.

    Without costs it is the likeliest.

    >>> rare = np.array([[0.9, 0.1], [0.5, 0.5]])
    >>> decided_classes(rare, None).tolist(), decided_classes(rare, ((0.0, 1.0), (50.0, 0.0))).tolist()
    ([0, 0], [1, 1])
    """
    if costs is None:
        return np.asarray(probabilities.argmax(axis=1))
    return np.asarray(expected_costs(probabilities, costs).argmin(axis=1))


def expected_costs(probabilities: Floats, costs: DecisionCosts | None) -> Floats:
    """What each answer is expected to cost, shape (n, k); without costs the likeliest costs least.

    It is added up in the same order for one row and for many, so that equal rows get equal answers.
    """
    if costs is None:
        return -probabilities
    return np.asarray(np.einsum("ij,jk->ik", probabilities, np.array(costs)))


def checked_costs(costs: Sequence[Sequence[float]], classes: int) -> DecisionCosts:
    """The costs as they are used.

    Raises:
        ValueError: they are not k x k finite numbers.
    """
    checked = tuple(tuple(map(float, row)) for row in costs)
    if len(checked) != classes or any(len(row) != classes or not all(map(isfinite, row)) for row in checked):
        raise ValueError(f"decision costs must be {classes} rows of {classes} finite numbers")
    return checked
