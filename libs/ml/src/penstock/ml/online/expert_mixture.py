"""A mixture that weights experts by their losses: fixed-share forecasters, and one more over these.

The weights follow Herbster and Warmuth, Tracking the Best Expert (Machine Learning 32, 1998): every outcome multiplies
an expert's weight by exp(-eta loss), then a share alpha of all weight is spread evenly, so that no expert is ever
lost. Which eta and alpha suit a stream is not known beforehand: high ones where one expert is best for long, low ones
where the mean of many is better than each. So several forecasters run, and are weighted in the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.metrics.regression_loss import ABSOLUTE_ERROR, RegressionLoss

FORECASTERS = ((0.05, 0.01), (0.2, 0.003), (1.0, 0.001))  # eta and alpha of each forecaster
TOP_FORECASTER = (0.1, 0.001)  # and of the one over them
Rate = float | NDArray[np.float64]
MAX_LOSS = 10.0  # in nats, or for a number in units of `scale`: a larger one counts no more in the weights
FLOOR = 1e-12  # of a probability in the pool: only what logarithms of floats need


class ExpertMixture:
    """Weights of m experts under each forecaster, and weights of the forecasters.

    `scale` is the unit of a regression's errors, which weigh by their `loss`. Class probabilities are pooled
    geometrically (logarithmic opinion pool) as they are but for `floor`, numbers by their mean. An expert without an
    output (NaN) is left out; its weight moves with the forecaster.
    """

    def __init__(
        self, experts: int, scale: float = 1.0, floor: float = FLOOR, loss: RegressionLoss = ABSOLUTE_ERROR
    ) -> None:
        self.scale, self.floor, self.loss = scale, floor, loss
        self.weights = np.full((len(FORECASTERS), experts), 1 / experts)
        self.forecaster_weights = np.full((1, len(FORECASTERS)), 1 / len(FORECASTERS))

    @property
    def output_count(self) -> int:
        """How many outputs are kept of a row: those of the experts, and those of the forecasters."""
        return self.weights.shape[1] + len(FORECASTERS)

    def with_forecasters(self, expert_outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The outputs of m experts for n rows, shape (n, m, k), followed by those of the forecasters.

        The result has shape (n, output_count, k); NaN where no expert has an output.
        """
        return np.concatenate([expert_outputs, _pool(self.weights, expert_outputs, self.floor)], axis=1)

    def outputs(self, all_outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mixture's outputs for n rows, shape (n, k), from those of `with_forecasters`."""
        return _pool(self.forecaster_weights, all_outputs[:, self.weights.shape[1] :], self.floor)[:, 0]

    def shares(self, expert_outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share of each of m experts in the mixture of n rows, by their outputs, shape (n, m, k): shape (n, m).

        The logarithm of the mixture, but for `floor` and a constant, or its number, is their sum weighted so.
        """
        weights = _weights_of_present(self.weights, np.isfinite(expert_outputs[:, None, :, 0]))
        shares: NDArray[np.float64] = (self.forecaster_weights @ weights)[:, 0]
        return shares

    def learn(self, all_outputs: NDArray[np.float64], targets: NDArray[np.float64]) -> None:
        """Learn n outcomes in order: `all_outputs` as they were at prediction (`with_forecasters`), targets (n,).

        Experts and forecasters alike are weighted by their outputs at prediction: by today's outputs, with labels that
        came meanwhile, those that learn fast would always look best. Rows without any output change nothing.
        """
        m = self.weights.shape[1]
        present: NDArray[np.bool_] = np.isfinite(all_outputs[..., 0])
        losses = self._losses(all_outputs, targets)
        complete = np.atleast_1d(present.all(axis=1))
        for row in np.flatnonzero(present[:, m:].any(axis=1)):
            expert_losses, forecaster_losses = losses[row, :m], losses[row, m:]
            if not complete[row]:
                expert_losses = np.where(present[row, :m], expert_losses, forecaster_losses[:, None])
            _fixed_share(self.forecaster_weights, forecaster_losses, *TOP_FORECASTER)
            _fixed_share(self.weights, expert_losses, *_FORECASTERS)

    def _losses(self, outputs: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logarithmic loss, or that of the error in units of `scale`, at most `MAX_LOSS`; shape (n, m)."""
        if outputs.shape[-1] > 1:
            true_class = outputs[np.arange(len(outputs)), :, targets.astype(np.intp)]
            return -np.log(np.maximum(true_class, np.exp(-MAX_LOSS)))
        with np.errstate(over="ignore"):  # what is beyond all floats loses the most there is
            return np.minimum(self.loss.of((targets[:, None] - outputs[..., 0]) / self.scale), MAX_LOSS)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        weights, forecaster_weights = self.weights.tolist(), self.forecaster_weights.tolist()
        plain = {"scale": self.scale, "floor": self.floor, "loss": list(self.loss)}
        return plain | {"weights": weights, "paces": forecaster_weights}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ExpertMixture:
        """The mixture that `to_dict` wrote.

        Raises:
            KeyError, TypeError, ValueError: for anything else.
        """
        weights, forecasters = (np.array(data[name], dtype=np.float64) for name in ("weights", "paces"))
        loss = RegressionLoss.of_list(data["loss"])
        mixture = cls(weights.shape[1], float(data["scale"]), float(data["floor"]), loss)
        if weights.shape != mixture.weights.shape or forecasters.shape != mixture.forecaster_weights.shape:
            raise ValueError("the weights of the mixture have another shape")
        if not (np.isfinite(weights).all() and np.isfinite(forecasters).all()):
            raise ValueError("a weight of the mixture is not finite")
        mixture.weights, mixture.forecaster_weights = weights, forecasters
        return mixture


_FORECASTERS = (np.array([[eta] for eta, _ in FORECASTERS]), np.array([[alpha] for _, alpha in FORECASTERS]))


def _fixed_share(weights: NDArray[np.float64], losses: NDArray[np.float64], eta: Rate, alpha: Rate) -> None:
    """One round of fixed share, in place."""
    weights *= np.exp(-eta * losses)
    weights *= (1 - alpha) / weights.sum(axis=1, keepdims=True)
    weights += alpha / weights.shape[1]


def _pool(weights: NDArray[np.float64], outputs: NDArray[np.float64], floor: float) -> NDArray[np.float64]:
    """The outputs of m experts, shape (n, m, k), pooled under p sets of weights, shape (p, m): shape (n, p, k)."""
    present = np.isfinite(outputs[..., 0])
    shares = weights if present.all() else _weights_of_present(weights, present[:, None])
    return _from_pooling_scale(shares @ _to_pooling_scale(outputs, floor))


def _to_pooling_scale(outputs: NDArray[np.float64], floor: float) -> NDArray[np.float64]:
    """Logarithms of probabilities, or plain numbers: what is averaged; 0 where there is no output."""
    scaled = np.log(np.minimum(np.maximum(outputs, floor), 1 - floor)) if outputs.shape[-1] > 1 else outputs
    return np.where(np.isfinite(scaled), scaled, 0.0)


def _from_pooling_scale(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    if mean.shape[-1] == 1:
        return mean
    powers: NDArray[np.float64] = np.exp(mean)
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def _weights_of_present(weights: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The weights of the experts that have an output, summing to one; NaN where none has."""
    masked = weights * present
    total = masked.sum(axis=-1, keepdims=True)
    shares: NDArray[np.float64] = masked / np.where(total > 0, total, np.nan)
    return shares
