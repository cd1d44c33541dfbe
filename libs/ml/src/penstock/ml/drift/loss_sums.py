"""Losses added up as they come: sums that give the same moments however the losses were split into batches."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from penstock.ml.metrics.confidence_sequences import Moments

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]


@dataclass
class LossSums:
    """The number, the sum and the sum of squares of losses, by group. All groups that occur weigh alike in the moments.

    One group gives plain moments; the classes of the labels as groups give those of a balanced error.

    >>> sums = LossSums()
    >>> sums.add(np.array([0.0, 0.0, 0.0, 1.0]), np.array([0, 0, 0, 1]))
    >>> sums.moments().mean, sums.n
    (0.5, 4)
    """

    counts: list[int] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)

    @property
    def n(self) -> int:
        """How many losses were added."""
        return sum(self.counts)

    def add(self, losses: Floats, groups: Groups) -> None:
        """Add n losses and their groups, each of shape (n,), one after the other."""
        counts, totals, squares = self._arrays(int(groups.max(initial=-1)) + 1)
        np.add.at(counts, groups, 1)
        np.add.at(totals, groups, losses)
        np.add.at(squares, groups, losses * losses)
        self.counts, self.totals, self.squares = counts.tolist(), totals.tolist(), squares.tolist()

    def __add__(self, other: LossSums) -> LossSums:
        """The sums over both."""
        size = max(len(self.counts), len(other.counts))
        both = zip(self._arrays(size), other._arrays(size), strict=True)
        counts, totals, squares = (mine + others for mine, others in both)
        return LossSums(counts.tolist(), totals.tolist(), squares.tolist())

    def moments(self) -> Moments:
        """Number, mean and squared deviations of the losses, weighted so that each group that occurs counts alike.

        Of several groups the deviations are those from the group's own mean, since how often a group occurs does not
        matter; each has one squared error more, so that few cases alike do not pass for certainty.
        """
        counts, totals, squares = (
            np.array(sums, dtype=np.float64) for sums in (self.counts, self.totals, self.squares)
        )
        occurs = counts > 0
        counts, totals, squares = counts[occurs], totals[occurs], squares[occurs]
        if not len(counts):
            return Moments()
        weights = counts.sum() / (len(counts) * counts)
        deviations = np.maximum(squares - totals * totals / counts, 0.0) + (1.0 if len(counts) > 1 else 0.0)
        return Moments(self.n, float(weights @ totals) / self.n, float((weights * weights) @ deviations))

    def _arrays(self, size: int) -> tuple[Groups, Floats, Floats]:
        missing = [0] * max(size - len(self.counts), 0)
        return (
            np.array(self.counts + missing, dtype=np.int64),
            np.array(self.totals + missing, dtype=np.float64),
            np.array(self.squares + missing, dtype=np.float64),
        )
