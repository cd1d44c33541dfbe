"""Losses added up as they come: sums that give the same moments however the losses were split into batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from penstock.ml.metrics.confidence_sequences import Moments

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]
N = TypeVar("N", int, float)


@dataclass
class LossSums:
    """The number, the sum and the sum of squares of losses, by group. All groups that occur weigh alike in the moments.

    One group gives plain moments; the classes of the labels as groups give those of a balanced error.

    >>> sums = LossSums()
    >>> for loss, group in [(0.0, 0), (0.0, 0), (0.0, 0), (1.0, 1)]:
    ...     sums.add(loss, group)
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

    def add(self, loss: float, group: int) -> None:
        """Add a loss of a group, 0 or more."""
        while group >= len(self.counts):
            self.counts.append(0)
            self.totals.append(0.0)
            self.squares.append(0.0)
        self.counts[group] += 1
        self.totals[group] += loss
        self.squares[group] += loss * loss

    def add_all(self, losses: Floats, groups: Groups) -> None:
        """Add n losses and their groups, each of shape (n,), one after the other."""
        for loss, group in zip(losses.tolist(), groups.tolist(), strict=True):
            self.add(loss, group)

    def __add__(self, other: LossSums) -> LossSums:
        """The sums over both."""
        return LossSums(
            _sum(self.counts, other.counts), _sum(self.totals, other.totals), _sum(self.squares, other.squares)
        )

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


def _sum(first: list[N], second: list[N]) -> list[N]:
    """Both by group, of which one may have more than the other."""
    return [a + b for a, b in zip_longest(first, second, fillvalue=0)]
