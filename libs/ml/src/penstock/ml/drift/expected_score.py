"""What the score is expected to be, from the answers alone: labels come later, or never.

Answers fall into bins by what they say of themselves: a classification by its confidence, a regression by the value
it answers. What matured in a bin tells what is to be expected of the next answers there (for classes a calibrated
confidence, as in average thresholded confidence, Guillory et al., 2021; for numbers a direct estimate of the loss).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONFIDENCES: tuple[float, ...] = tuple((np.arange(1, 20) / 20).tolist())
FORGETTING = 0.98
"""What is left of the weight of everything known after another fold: some fifty folds count."""

TRUST = 10.0
"""As many cases as the answer's own word weighs in its bin."""

LEAST = 20


@dataclass(slots=True)
class ExpectedScore:
    """The mean of what matured, by bins between `edges`; without edges the first fold draws them, by deciles.

    Everything is kept in plain numbers, to be stored as it stands.

    >>> confident = ExpectedScore(list(CONFIDENCES))
    >>> confident.estimate(np.array([0.9, 0.9]), np.array([0.9, 0.9]))
    0.9
    >>> confident.fold(np.full(90, 0.9), np.zeros(90))
    >>> round(confident.estimate(np.array([0.9, 0.9]), np.array([0.9, 0.9])), 2)
    0.09
    """

    edges: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    missed: float = 0.0
    judged: float = 0.0

    @property
    def error(self) -> float | None:
        """How far estimates lay from what matured, on average; None before the first."""
        return self.missed / self.judged if self.judged else None

    def estimate(self, said: Floats, own: Floats | None = None) -> float | None:
        """The mean expected of n answers; `own` (n,) is what they say themselves, else the mean of all bins.

        None without answers, and as long as neither is there.
        """
        weights, totals = np.array(self.weights), np.array(self.totals)
        if not len(said) or (own is None and not weights.sum()):
            return None
        trusted = totals.sum() / weights.sum() if own is None else own
        if not len(weights):
            return float(np.mean(trusted))
        bins = np.searchsorted(self.edges, said, "right")
        return float(np.mean((totals[bins] + TRUST * trusted) / (weights[bins] + TRUST)))

    def fold(self, said: Floats, matured: Floats) -> None:
        """Take in what became of n answers; the first few may be too few to draw bins from and are passed over."""
        if not self.edges and len(said) >= LEAST:
            self.edges = np.unique(np.quantile(said, np.arange(1, 10) / 10)).tolist()
        if not self.edges:
            return
        size = len(self.edges) + 1
        bins = np.searchsorted(self.edges, said, "right")
        self.weights = _aged(self.weights, np.bincount(bins, minlength=size))
        self.totals = _aged(self.totals, np.bincount(bins, matured, size))

    def judge(self, estimate: float, matured: float) -> None:
        """Take in how an estimate turned out."""
        self.missed = FORGETTING * self.missed + abs(estimate - matured)
        self.judged = FORGETTING * self.judged + 1


def _aged(known: list[float], more: NDArray[np.float64] | NDArray[np.int64]) -> list[float]:
    kept = np.array(known) if known else np.zeros(len(more))
    aged: list[float] = (FORGETTING * kept + more).tolist()
    return aged
