"""Additive models learnt by one step per outcome: a weight for each bin a row falls into, summed.

The form is that of generalised additive models with step functions (Hastie and Tibshirani, Generalized Additive
Models, 1990), as scorecards have it; learning is stochastic gradient descent with a constant rate, so that older
outcomes count less and less: the higher the rate, the faster.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.online.column_bins import ColumnBins

MAX_RESIDUAL = 1.0  # in units of `scale`; an outlier beyond it pulls no harder (Huber, 1964)
MAX_STEP_SHARE = 0.5  # share of a residual that one step may take away


class AdditiveModels:
    """r models with the same bins and one learning rate each; each gives k numbers per row.

    `k` is the number of classes, or 1 for a regression, which is learnt around `centre` in units of `scale`.
    """

    def __init__(
        self, bins: ColumnBins, rates: tuple[float, ...], k: int, centre: float = 0.0, scale: float = 1.0
    ) -> None:
        self.bins = bins
        self.rates = rates
        self.centre, self.scale = centre, scale
        self.weights = np.zeros((bins.size, len(rates), k))
        self._step = np.array([self._step_size(rate, k) for rate in rates])[:, None]

    def outputs(self, bin_indices: NDArray[np.intp]) -> NDArray[np.float64]:
        """The outputs for n rows by their bins, shape (n, r, k): class probabilities, or one number."""
        scores = self.weights[bin_indices].sum(axis=1)
        return softmax(scores) if scores.shape[-1] > 1 else scores * self.scale + self.centre

    def learn(self, bin_indices: NDArray[np.intp], targets: NDArray[np.float64]) -> None:
        """Learn n rows in order; `targets` holds class indices, or numbers, shape (n,)."""
        for row, goal in zip(bin_indices, self._goals(targets), strict=True):
            weights = self.weights[row]
            self.weights[row] = weights + self._step * self._residual(weights.sum(axis=0), goal)

    def _step_size(self, rate: float, k: int) -> float:
        if k > 1:
            return rate * (k - 1) / k  # so that the odds of two classes move by `rate`
        return min(rate, MAX_STEP_SHARE / max(self.bins.width, 1))

    def _goals(self, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        k = self.weights.shape[2]
        return np.eye(k)[targets.astype(np.intp)] if k > 1 else ((targets - self.centre) / self.scale)[:, None]

    def _residual(self, scores: NDArray[np.float64], goal: NDArray[np.float64]) -> NDArray[np.float64]:
        if len(goal) > 1:
            return goal - softmax(scores)
        return np.clip(goal - scores, -MAX_RESIDUAL, MAX_RESIDUAL)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the weights, as plain data that JSON can hold."""
        return {
            "steps": self.bins.to_dict(),
            "rates": list(self.rates),
            "k": self.weights.shape[2],
            "centre": self.centre,
            "scale": self.scale,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any], weights: NDArray[np.float64]) -> AdditiveModels:
        """The models that `to_dict` wrote, with their weights.

        Raises:
            KeyError, TypeError, ValueError: for anything else.
        """
        bins, rates = ColumnBins.from_dict(data["steps"]), tuple(map(float, data["rates"]))
        models = cls(bins, rates, int(data["k"]), float(data["centre"]), float(data["scale"]))
        if weights.shape != models.weights.shape or weights.dtype != np.float64 or not np.isfinite(weights).all():
            raise ValueError(f"the weights are not {models.weights.shape} finite numbers")
        models.weights = weights.copy()
        return models


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities from scores, over the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)  # type: ignore[no-any-return]
