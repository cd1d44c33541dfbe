"""What frozen models answer, corrected by what came of their newest answers, outcome by outcome.

What a model loses with age is its level first: demand has grown, a class has become rarer, what was sure is less so.
How it orders the rows holds longer. So a number or two for each model, learnt online, make age cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.metrics.regression_loss import ABSOLUTE_ERROR, RegressionLoss
from penstock.ml.online.additive import MAX_RESIDUAL, MAX_SQUARED_RESIDUAL, softmax
from penstock.ml.online.expert_mixture import MAX_LOSS

BIAS_RATE, SLOPE_RATE = 0.01, 0.002  # of gradient steps
PULL = 0.05  # share of a step that leads back towards no correction
FADE = 0.5 ** (1 / 50)  # of a level's sums with each outcome: after 50 one counts half
MAX_SHARE = 4.0  # that is added to an answer: what is learnt of tiny ones must not blow up the next large one
PRIOR = 5.0  # outcomes that were as answered, of one `scale` each, before any is known: they fade, too

Floats = NDArray[np.float64]


class ClassRecalibration:
    """A slope and k biases on the logarithms of k probabilities, for each of m models.

    They are learnt by gradient descent on the log loss, as those of Platt, "Probabilistic outputs for support vector
    machines", 1999, are fitted for two classes.
    """

    def __init__(self, models: int, k: int) -> None:
        self.slopes, self.biases = np.ones((models, 1)), np.zeros((models, k))

    def outputs(self, model_outputs: Floats) -> Floats:
        """The probabilities of m models for n rows, corrected: shape (n, m, k); NaN where a model has none."""
        return softmax(_logarithms(model_outputs) * self.slopes + self.biases)

    def learn(self, model_outputs: Floats, targets: Floats) -> None:
        """Learn n outcomes in order: what the models gave at prediction, shape (n, m, k), and class indices, (n,)."""
        for logarithms, true_class in zip(_logarithms(model_outputs), targets.astype(np.intp).tolist(), strict=True):
            residuals = -softmax(logarithms * self.slopes + self.biases)
            residuals[:, true_class] += 1.0
            present = np.isfinite(residuals)
            self._step(np.where(present, residuals, 0.0), np.where(present, logarithms, 0.0), present[:, :1])

    def _step(self, residuals: Floats, logarithms: Floats, present: NDArray[np.bool_]) -> None:
        gradients = (residuals * logarithms).sum(axis=1, keepdims=True)
        self.slopes += SLOPE_RATE * (gradients - PULL * (self.slopes - 1) * present)
        self.biases += BIAS_RATE * (residuals - PULL * self.biases * present)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {"slopes": self.slopes[:, 0].tolist(), "biases": self.biases.tolist()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ClassRecalibration:
        """The recalibration that `to_dict` wrote.

        Raises:
            KeyError, TypeError, ValueError: for anything else.
        """
        slopes, biases = _finite(data["slopes"]), _finite(data["biases"])
        if biases.ndim != 2 or len(slopes) != len(biases):
            raise ValueError("a recalibration must have a slope and biases for each model")
        recalibration = cls(*biases.shape)
        recalibration.slopes, recalibration.biases = slopes[:, None], biases
        return recalibration


class LevelRecalibration:
    """How far the labels of late were from the answers of m models of a number, as a share of these, or in `scale`.

    Shares are for labels that are never negative, since what grows mostly grows by shares. Both are of sums over
    outcomes that fade. A label far from the answer counts no more than the loss lets it.
    """

    def __init__(self, models: int, scale: float, loss: RegressionLoss = ABSOLUTE_ERROR, *, by_share: bool) -> None:
        self.scale, self.loss, self.by_share = scale, loss, by_share
        self.residual_sums, self.unit_sums = np.zeros(models), np.full(models, PRIOR * scale)

    def outputs(self, model_outputs: Floats) -> Floats:
        """The numbers of m models for n rows, corrected: shape (n, m, 1); NaN where a model has none."""
        return self._corrected(model_outputs[..., 0])[..., None]

    def learn(self, model_outputs: Floats, targets: Floats) -> None:
        """Learn n outcomes in order: what the models gave at prediction, shape (n, m, 1), and the labels, (n,)."""
        for outputs, label in zip(model_outputs[..., 0], targets, strict=True):
            corrected, units = self._corrected(outputs), self._units(outputs)
            present = units > 0
            limits = (
                MAX_SQUARED_RESIDUAL * self.scale if self.loss.is_squared else MAX_RESIDUAL * self._units(corrected)
            )
            with np.errstate(over="ignore", invalid="ignore"):
                residuals = corrected - outputs + np.clip(label - corrected, -limits, limits)
            self.residual_sums[present] = (FADE * self.residual_sums + residuals)[present]
            self.unit_sums[present] = (FADE * self.unit_sums + units)[present]

    def _corrected(self, outputs: Floats) -> Floats:
        shares = self.residual_sums / self.unit_sums
        corrected: Floats = outputs + self._units(outputs) * (
            np.minimum(shares, MAX_SHARE) if self.by_share else shares
        )
        return corrected

    def _units(self, outputs: Floats) -> Floats:
        """What a residual is a share of, by output; 0 where there is none."""
        if self.by_share:
            return np.where(outputs > 0, outputs, 0.0)
        return np.where(np.isfinite(outputs), self.scale, 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        sums = {"residuals": self.residual_sums.tolist(), "units": self.unit_sums.tolist()}
        return {"scale": self.scale, "loss": list(self.loss), "by_share": self.by_share, **sums}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LevelRecalibration:
        """The recalibration that `to_dict` wrote.

        Raises:
            KeyError, TypeError, ValueError: for anything else.
        """
        residual_sums, unit_sums = _finite(data["residuals"]), _finite(data["units"])
        loss, by_share = RegressionLoss.of_list(data["loss"]), bool(data["by_share"])
        if residual_sums.shape != unit_sums.shape or residual_sums.ndim != 1 or (unit_sums <= 0).any():
            raise ValueError("a recalibration must have two sums for each model, the second above 0")
        recalibration = cls(len(residual_sums), float(data["scale"]), loss, by_share=by_share)
        recalibration.residual_sums, recalibration.unit_sums = residual_sums, unit_sums
        return recalibration


Recalibration = ClassRecalibration | LevelRecalibration


def new_recalibration(models: int, classes: int, labels: Floats, loss: RegressionLoss) -> Recalibration | None:
    """What corrects m models, having learnt nothing yet; None of quantiles: they are not at the labels' level."""
    if classes:
        return ClassRecalibration(models, classes)
    if loss.name == "pinball":
        return None
    return LevelRecalibration(models, loss.centre_and_scale(labels)[1], loss, by_share=bool((labels >= 0).all()))


def read_recalibration(data: Mapping[str, Any]) -> Recalibration:
    """The recalibration of either kind that wrote this.

    Raises:
        KeyError, TypeError, ValueError: none did.
    """
    return ClassRecalibration.from_dict(data) if "slopes" in data else LevelRecalibration.from_dict(data)


def _logarithms(probabilities: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(probabilities, np.exp(-MAX_LOSS))))


def _finite(numbers: Any) -> Floats:
    found = np.array(numbers, dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError("a number of a recalibration is not finite")
    return found
