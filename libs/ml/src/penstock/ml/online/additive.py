"""Additive models learnt by one step per outcome: a weight for each bin a row falls into, summed.

The form is that of generalised additive models with step functions (Hastie and Tibshirani, Generalized Additive
Models, 1990), as scorecards have it; learning is stochastic gradient descent with a constant rate, so that older
outcomes count less and less: the higher the rate, the faster.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.metrics.regression_loss import ABSOLUTE_ERROR, RegressionLoss
from penstock.ml.online.column_bins import ColumnBins

MAX_RESIDUAL = 1.0  # in units of `scale`; an outlier beyond it pulls no harder (Huber, 1964)
MAX_SQUARED_RESIDUAL = 10.0  # where squared errors count: the mean of what is rare and large is to be learnt
MAX_STEP_SHARE = 0.5  # share of a residual that one step may take away
MAX_CLASS_STEP = 1.0  # of a row's scores, for a residual of 1: a quarter of what descent on a log loss can bear


class AdditiveModels:
    """r models with the same bins and one learning rate each; each gives k numbers per row.

    `k` is the number of classes, or 1 for a regression, which is learnt by its `loss` around `centre` in units of
    `scale`. The more bins a row falls into, the smaller the steps: with hundreds of columns their sum would overshoot.
    """

    def __init__(
        self,
        bins: ColumnBins,
        rates: tuple[float, ...],
        k: int,
        centre: float = 0.0,
        scale: float = 1.0,
        loss: RegressionLoss = ABSOLUTE_ERROR,
    ) -> None:
        self.bins = bins
        self.rates = rates
        self.centre, self.scale, self.loss = centre, scale, loss
        self.weights = np.zeros((bins.size, len(rates), k))
        self._step = np.array([self._step_size(rate, k) for rate in rates])[:, None]

    def outputs(self, bin_indices: NDArray[np.intp]) -> NDArray[np.float64]:
        """The outputs for n rows by their bins, shape (n, r, k): class probabilities, or one number."""
        scores = self.weights[bin_indices].sum(axis=1)
        return softmax(scores) if scores.shape[-1] > 1 else scores * self.scale + self.centre

    def learn(self, bin_indices: NDArray[np.intp], targets: NDArray[np.float64]) -> None:
        """Learn n rows in order; `targets` holds class indices, or numbers, shape (n,)."""
        residuals = self._number_residuals if self.weights.shape[2] == 1 else self._class_residuals
        size, rates, k = self.weights.shape
        flat = self.weights.reshape(size, rates * k)
        for row, goal in zip(bin_indices, self._goals(targets), strict=True):
            weights = flat.take(row, axis=0)
            scores = np.add.reduce(weights, axis=0).reshape(rates, k)
            weights += (self._step * residuals(scores, goal)).ravel()
            flat[row] = weights

    def _step_size(self, rate: float, k: int) -> float:
        width = max(self.bins.width, 1)
        if k > 1:
            return min(rate * (k - 1) / k, MAX_CLASS_STEP / width)  # so that the odds of two classes move by `rate`
        return min(rate, MAX_STEP_SHARE / width)

    def _goals(self, targets: NDArray[np.float64]) -> list[Any]:
        """For each row the class, or the number in units of `scale`."""
        if self.weights.shape[2] > 1:
            return targets.astype(np.intp).tolist()  # type: ignore[no-any-return]
        with np.errstate(over="ignore"):  # a label beyond all floats pulls as hard as any far away
            return ((targets - self.centre) / self.scale).tolist()  # type: ignore[no-any-return]

    def _class_residuals(self, scores: NDArray[np.float64], goal: int) -> NDArray[np.float64]:
        residuals = -softmax(scores)
        residuals[:, goal] += 1.0
        return residuals

    def _number_residuals(self, scores: NDArray[np.float64], goal: float) -> NDArray[np.float64]:
        limit = MAX_SQUARED_RESIDUAL if self.loss.is_squared else MAX_RESIDUAL
        residuals: NDArray[np.float64] = np.minimum(np.maximum(goal - scores, -limit), limit)
        return residuals * self.loss.side_weights(residuals) if self.loss.name == "pinball" else residuals

    def to_dict(self) -> dict[str, Any]:
        """Everything but the weights, as plain data that JSON can hold."""
        return {
            "steps": self.bins.to_dict(),
            "rates": list(self.rates),
            "k": self.weights.shape[2],
            "centre": self.centre,
            "scale": self.scale,
            "loss": list(self.loss),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any], weights: NDArray[np.float64]) -> AdditiveModels:
        """The models that `to_dict` wrote, with their weights.

        Raises:
            KeyError, TypeError, ValueError: for anything else.
        """
        bins, rates = ColumnBins.from_dict(data["steps"]), tuple(map(float, data["rates"]))
        loss = RegressionLoss.of_list(data["loss"])
        models = cls(bins, rates, int(data["k"]), float(data["centre"]), float(data["scale"]), loss)
        if weights.shape != models.weights.shape or weights.dtype != np.float64 or not np.isfinite(weights).all():
            raise ValueError(f"the weights are not {models.weights.shape} finite numbers")
        models.weights = weights.copy()
        return models


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities from scores, over the last axis."""
    powers: NDArray[np.float64] = np.exp(scores - np.maximum.reduce(scores, axis=-1, keepdims=True))
    powers /= np.add.reduce(powers, axis=-1, keepdims=True)
    return powers
