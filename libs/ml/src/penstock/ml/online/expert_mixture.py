"""Experts weighed by how they did: fixed-share forecasters, and a further one over them.

The weights follow Herbster and Warmuth, Tracking the Best Expert (Machine Learning 32, 1998): every outcome multiplies
an expert's weight by exp(-eta loss), then a share alpha of all weight is spread evenly, so that no expert is ever
lost. Which eta and alpha suit a stream is not known beforehand: quick ones where one expert is best for long, slow ones
where the mean of many is better than each. So several are run, and weighed in the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PACES = ((0.05, 0.01), (0.2, 0.003), (1.0, 0.001))  # eta and alpha of each forecaster
LAST = (0.1, 0.001)  # and of the one over them
Pace = float | NDArray[np.float64]
SURE = 0.01  # least probability that an expert is taken to give a class
WORST = 10.0  # units of `scale` beyond which an error counts no more


class Mixture:
    """Weights of m experts under each pace, and of the paces. `scale` is the unit of a regression's errors.

    Probabilities are pooled geometrically (logarithmic opinion pool), numbers by their mean.
    """

    def __init__(self, experts: int, scale: float = 1.0) -> None:
        self.scale = scale
        self.weights = np.full((len(PACES), experts), 1 / experts)
        self.paces = np.full((1, len(PACES)), 1 / len(PACES))

    @property
    def size(self) -> int:
        """How many answers a row is remembered by: those of the experts, and those of each pace."""
        return self.weights.shape[1] + len(PACES)

    def weigh(self, said: NDArray[np.float64]) -> NDArray[np.float64]:
        """What m experts said to n rows, shape (n, m, k), and behind it what each pace makes of it: (n, size, k).

        NaN where nobody said anything.
        """
        return np.concatenate([said, _pooled(self.weights, said)], axis=1)

    def answer(self, weighed: NDArray[np.float64]) -> NDArray[np.float64]:
        """The answers to n rows, shape (n, k), from what `weigh` gave."""
        return _pooled(self.paces, weighed[:, self.weights.shape[1] :])[:, 0]

    def learn(self, weighed: NDArray[np.float64], targets: NDArray[np.float64]) -> None:
        """Fold n outcomes in order: what `weigh` gave when they were answered, and what came true, shape (n,).

        Experts and paces alike are judged by what they said then: by what they would say now, with labels that came
        meanwhile, the quick ones would always look best. Rows to which nobody said anything teach nothing.
        """
        m = self.weights.shape[1]
        spoke: NDArray[np.bool_] = np.isfinite(weighed[..., 0])
        losses = self._losses(weighed, targets)
        all_spoke = np.atleast_1d(spoke.all(axis=1))
        for place in np.flatnonzero(spoke[:, m:].any(axis=1)):
            experts, together = losses[place, :m], losses[place, m:]
            if not all_spoke[place]:
                experts = np.where(spoke[place, :m], experts, together[:, None])
            _share(self.paces, together, *LAST)
            _share(self.weights, experts, *_PACES)

    def _losses(self, said: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logarithmic loss, or the absolute error in units of `scale`; shape (n, m)."""
        if said.shape[-1] > 1:
            given = said[np.arange(len(said)), :, targets.astype(np.intp)]
            return -np.log(np.minimum(np.maximum(given, SURE), 1 - SURE))
        return np.minimum(np.abs(said[..., 0] - targets[:, None]) / self.scale, WORST)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {"scale": self.scale, "weights": self.weights.tolist(), "paces": self.paces.tolist()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Mixture:
        """What `to_dict` described; KeyError, TypeError or ValueError for anything else."""
        weights, paces = np.array(data["weights"], dtype=np.float64), np.array(data["paces"], dtype=np.float64)
        mixture = cls(weights.shape[1], float(data["scale"]))
        if weights.shape != mixture.weights.shape or paces.shape != mixture.paces.shape:
            raise ValueError("the weights of the mixture have another shape")
        if not (np.isfinite(weights).all() and np.isfinite(paces).all()):
            raise ValueError("a weight of the mixture is not finite")
        mixture.weights, mixture.paces = weights, paces
        return mixture


_PACES = (np.array([[eta] for eta, _ in PACES]), np.array([[alpha] for _, alpha in PACES]))


def _share(weights: NDArray[np.float64], losses: NDArray[np.float64], eta: Pace, alpha: Pace) -> None:
    """One round of fixed share, in place."""
    weights *= np.exp(-eta * losses)
    weights *= (1 - alpha) / weights.sum(axis=1, keepdims=True)
    weights += alpha / weights.shape[1]


def _pooled(weights: NDArray[np.float64], said: NDArray[np.float64]) -> NDArray[np.float64]:
    """What p weightings, shape (p, m), make of what m experts said, shape (n, m, k): shape (n, p, k)."""
    spoke = np.isfinite(said[..., 0])
    heard = weights if spoke.all() else _of_those_who_spoke(weights, spoke[:, None])
    return _untold(heard @ _told(said))


def _told(said: NDArray[np.float64]) -> NDArray[np.float64]:
    """What experts said, in the form in which it is averaged; 0 where nothing was said."""
    told = np.log(np.minimum(np.maximum(said, SURE), 1 - SURE)) if said.shape[-1] > 1 else said
    return np.where(np.isfinite(told), told, 0.0)


def _untold(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """A mean of what experts said, as an answer."""
    if mean.shape[-1] == 1:
        return mean
    raised: NDArray[np.float64] = np.exp(mean)
    raised /= raised.sum(axis=-1, keepdims=True)
    return raised


def _of_those_who_spoke(weights: NDArray[np.float64], spoke: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The weights of those who spoke, summing to one; NaN where nobody did."""
    heard = weights * spoke
    total = heard.sum(axis=-1, keepdims=True)
    shares: NDArray[np.float64] = heard / np.where(total > 0, total, np.nan)
    return shares
