"""The expected score, from the answers alone: labels come later, or never.

Answers fall into bins by what they show of themselves: a classification by its confidence, a regression by the value
of the answer. The scores of earlier answers in a bin give the expected score of the next ones there (for classes a
calibrated confidence, as in average thresholded confidence, Guillory et al., 2021; for numbers a direct estimate of
the loss).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONFIDENCE_EDGES: tuple[float, ...] = tuple((np.arange(1, 20) / 20).tolist())
DECAY = 0.98
"""The factor by which an update reduces the weight of everything before: some fifty updates count."""

PRIOR_CASES = 10.0
"""How many cases of its bin an answer's own confidence counts as."""

MIN_CASES = 20


@dataclass(slots=True)
class ExpectedScore:
    """Mean scores by bins between `edges`; without edges the first update sets them, by deciles.

    All attributes are plain numbers, so that they can be stored as they are: decayed `weights` and `totals` of the
    scores by bin, the decayed sum of estimation errors (`missed`) and their number (`judged`).

    >>> expected = ExpectedScore(list(CONFIDENCE_EDGES))
    >>> expected.estimate(np.array([0.9, 0.9]), np.array([0.9, 0.9]))
    0.9
    >>> expected.update(np.full(90, 0.9), np.zeros(90))
    >>> round(expected.estimate(np.array([0.9, 0.9]), np.array([0.9, 0.9])), 2)
    0.09
    """

    edges: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    missed: float = 0.0
    judged: float = 0.0

    @property
    def error(self) -> float | None:
        """The mean absolute error of the estimates; None before the first one was compared."""
        return self.missed / self.judged if self.judged else None

    def estimate(self, answers: Floats, priors: Floats | None = None) -> float | None:
        """The expected mean score of n answers, given as confidences or numbers, shape (n,).

        `priors` (n,) are the scores that the answers themselves suggest; without them the mean of all bins is taken.
        None without answers, and as long as there are neither priors nor bins.
        """
        weights, totals = np.array(self.weights), np.array(self.totals)
        if not len(answers) or (priors is None and not weights.sum()):
            return None
        prior = totals.sum() / weights.sum() if priors is None else priors
        if not len(weights):
            return float(np.mean(prior))
        bins = np.searchsorted(self.edges, answers, "right")
        return float(np.mean((totals[bins] + PRIOR_CASES * prior) / (weights[bins] + PRIOR_CASES)))

    def update(self, answers: Floats, scores: Floats) -> None:
        """Learn the scores of n answers, both of shape (n,); answers too few to set edges from are left out."""
        if not self.edges and len(answers) >= MIN_CASES:
            self.edges = np.unique(np.quantile(answers, np.arange(1, 10) / 10)).tolist()
        if not self.edges:
            return
        size = len(self.edges) + 1
        bins = np.searchsorted(self.edges, answers, "right")
        self.weights = _decayed_sum(self.weights, np.bincount(bins, minlength=size))
        self.totals = _decayed_sum(self.totals, np.bincount(bins, scores, size))

    def record_error(self, estimate: float, score: float) -> None:
        """Compare an estimate with the score that came of it."""
        self.missed = DECAY * self.missed + abs(estimate - score)
        self.judged = DECAY * self.judged + 1


def _decayed_sum(before: list[float], added: NDArray[np.float64] | NDArray[np.int64]) -> list[float]:
    sums = np.array(before) if before else np.zeros(len(added))
    decayed: list[float] = (DECAY * sums + added).tolist()
    return decayed
