"""Class probabilities made milder or sharper, and shifted by class, on the scale of their logarithms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FLOOR = 1e-12  # of a probability: only what logarithms of floats need


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logarithms of k probabilities are multiplied by `scale`, `biases` are added, and the whole sums to one again.

    A scale below 1 makes them milder (its inverse is the temperature of Guo and others), above 1 sharper. The order of
    rows by the probability of one of two classes stays as it was.
    """

    scale: float
    biases: tuple[float, ...]

    def apply(self, probabilities: Floats) -> Floats:
        """The calibrated probabilities of n rows, shape (n, k).

        >>> Calibration(0.5, (0.0, 0.0)).apply(np.array([[0.9, 0.1]])).round(2).tolist()
        [[0.75, 0.25]]
        """
        scores = log_probabilities(probabilities)
        scores *= self.scale
        scores += np.array(self.biases)
        return softmax(scores)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {"scale": self.scale, "biases": list(self.biases)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], classes: int) -> Calibration:
        """The calibration of k classes that `to_dict` wrote.

        Raises:
            KeyError, TypeError, ValueError: for anything else.
        """
        scale, biases = float(data["scale"]), tuple(map(float, data["biases"]))
        if len(biases) != classes or not all(map(isfinite, (scale, *biases))) or scale <= 0:
            raise ValueError(f"a calibration must have a finite scale above 0 and {classes} finite biases")
        return cls(scale, biases)


def calibrated(probabilities: Floats, calibration: Calibration | None) -> Floats:
    """The probabilities of n rows, shape (n, k), calibrated if there is a calibration, else themselves."""
    return probabilities if calibration is None else calibration.apply(probabilities)


def log_probabilities(probabilities: Floats) -> Floats:
    """Their logarithms, in an array of its own."""
    return np.asarray(np.log(np.maximum(probabilities, FLOOR)))


def softmax(scores: Floats) -> Floats:
    """Probabilities that are proportional to the exponentials of the scores, each row by itself, in place."""
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores
