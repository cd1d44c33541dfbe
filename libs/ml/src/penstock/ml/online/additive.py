"""Additive models learnt by one step per outcome: a weight for each bin a row falls into, summed.

The form is that of generalised additive models with step functions (Hastie and Tibshirani, Generalized Additive
Models, 1990), as scorecards have it; learning is stochastic gradient descent with a constant rate, so that what is old
fades by itself: the higher the rate, the shorter the memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.online.column_bins import Steps

STEEPEST = 1.0  # residual, in units of `scale`, beyond which an outlier pulls no harder (Huber, 1964)
MOST_OF_RESIDUAL = 0.5  # share of a residual that one step may take away


class Additive:
    """r models with the same bins and one rate each; each answers k numbers per row.

    `k` is the number of classes, or 1 for a regression, which is learnt around `centre` in units of `scale`.
    """

    def __init__(self, steps: Steps, rates: tuple[float, ...], k: int, centre: float = 0.0, scale: float = 1.0) -> None:
        self.steps = steps
        self.rates = rates
        self.centre, self.scale = centre, scale
        self.weights = np.zeros((steps.size, len(rates), k))
        self._step = np.array([self._size_of(rate, k) for rate in rates])[:, None]

    def answer(self, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """The answers to n rows by their places, shape (n, r, k): probabilities of classes, or one number."""
        return self._said(self.weights[places].sum(axis=1))

    def learn(self, places: NDArray[np.intp], targets: NDArray[np.float64]) -> None:
        """Fold n rows with their labels, in order; `targets` holds indices of classes, or numbers, shape (n,)."""
        for row, goal in zip(places, self._wanted(targets), strict=True):
            weights = self.weights[row]
            self.weights[row] = weights + self._step * self._residual(weights.sum(axis=0), goal)

    def _size_of(self, rate: float, k: int) -> float:
        if k > 1:
            return rate * (k - 1) / k  # so that the odds of two classes move by `rate`
        return min(rate, MOST_OF_RESIDUAL / max(self.steps.width, 1))

    def _wanted(self, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        k = self.weights.shape[2]
        return np.eye(k)[targets.astype(np.intp)] if k > 1 else ((targets - self.centre) / self.scale)[:, None]

    def _residual(self, summed: NDArray[np.float64], goal: NDArray[np.float64]) -> NDArray[np.float64]:
        if len(goal) > 1:
            return goal - softmax(summed)
        return np.clip(goal - summed, -STEEPEST, STEEPEST)

    def _said(self, summed: NDArray[np.float64]) -> NDArray[np.float64]:
        return softmax(summed) if summed.shape[-1] > 1 else summed * self.scale + self.centre

    def to_dict(self) -> dict[str, Any]:
        """Everything but the weights, as plain data that JSON can hold."""
        return {
            "steps": self.steps.to_dict(),
            "rates": list(self.rates),
            "k": self.weights.shape[2],
            "centre": self.centre,
            "scale": self.scale,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any], weights: NDArray[np.float64]) -> Additive:
        """What `to_dict` described, with its weights; KeyError, TypeError or ValueError for anything else."""
        rates = tuple(map(float, data["rates"]))
        made = cls(Steps.from_dict(data["steps"]), rates, int(data["k"]), float(data["centre"]), float(data["scale"]))
        if weights.shape != made.weights.shape or weights.dtype != np.float64 or not np.isfinite(weights).all():
            raise ValueError(f"the weights are not {made.weights.shape} finite numbers")
        made.weights = weights.copy()
        return made


def softmax(summed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities from scores, over the last axis."""
    raised = np.exp(summed - summed.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)  # type: ignore[no-any-return]
