"""A constant estimator: the same output for every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Constant:
    """One value (regression) or one row of class probabilities, with the methods of a scikit-learn estimator.

    >>> Constant((0.25, 0.75)).predict_proba(np.zeros((2, 3))).tolist()
    [[0.25, 0.75], [0.25, 0.75]]
    """

    answer: tuple[float, ...]

    @property
    def classes_(self) -> NDArray[np.int64]:
        """Indices of the classes, in the order of the probabilities."""
        return np.arange(len(self.answer))

    def predict(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        """The value, n times; shape (n,)."""
        return np.full(len(matrix), self.answer[0])

    def predict_proba(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        """The probabilities, n times; shape (n, k)."""
        return np.tile(np.array(self.answer), (len(matrix), 1))
