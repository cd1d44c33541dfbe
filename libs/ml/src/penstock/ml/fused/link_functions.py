"""Link functions: from the scores of a model to probabilities or numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Link = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_LARGEST = 700.0
"""The largest exponent that is used: a little more would overflow."""


def identity(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The one score of each of n rows as its number: (1, n) to (n,)."""
    numbers: NDArray[np.float64] = scores[0]
    return numbers


def logistic(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The one score of each of n rows, a log-odds, as two probabilities: (1, n) to (n, 2).

    >>> logistic(np.array([[0.0, -800.0]])).round(9).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    probabilities = np.empty((2, scores.shape[1]))
    powers = np.exp(np.minimum(-scores[0], _LARGEST))
    np.divide(1.0, 1.0 + powers, out=probabilities[1])
    np.subtract(1.0, probabilities[1], out=probabilities[0])
    return probabilities.T


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The k scores of each of n rows as probabilities: (k, n) to (n, k)."""
    powers: NDArray[np.float64] = np.exp(scores - scores.max(axis=0))
    powers /= powers.sum(axis=0)
    return powers.T
