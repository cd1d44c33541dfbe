"""Fairness: how differently a model treats groups, from counts alone, so that blocks of any size add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan


@dataclass(frozen=True, slots=True)
class ConfusionCounts:
    """The confusion matrix of a binary classification for one group.

    >>> counts = ConfusionCounts(40, 10, 5, 45)
    >>> counts.selection_rate, counts.true_positive_rate
    (0.55, 0.9)
    """

    true_negatives: int = 0
    false_positives: int = 0
    false_negatives: int = 0
    true_positives: int = 0

    def __add__(self, other: ConfusionCounts) -> ConfusionCounts:
        """The counts of both groups together."""
        return ConfusionCounts(
            self.true_negatives + other.true_negatives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
            self.true_positives + other.true_positives,
        )

    @property
    def rows(self) -> int:
        """All answers."""
        return self.true_negatives + self.false_positives + self.false_negatives + self.true_positives

    @property
    def selection_rate(self) -> float:
        """The share of positive answers; NaN without answers."""
        return _share(self.false_positives + self.true_positives, self.rows)

    @property
    def true_positive_rate(self) -> float:
        """The share of positive cases that are answered positively; NaN without positive cases."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def false_positive_rate(self) -> float:
        """The share of negative cases that are answered positively; NaN without negative cases."""
        return _share(self.false_positives, self.false_positives + self.true_negatives)


def demographic_parity_difference(groups: Sequence[ConfusionCounts]) -> float:
    """The greatest difference of selection rates; 0 is parity, NaN where fewer than two groups have any answers.

    Source: Agarwal and others, "A reductions approach to fair classification", 2018.
    """
    return _spread([group.selection_rate for group in groups])


def equalised_odds_difference(groups: Sequence[ConfusionCounts]) -> float:
    """The greater of the greatest differences of true and of false positive rates; 0 is parity.

    Source: Hardt, Price and Srebro, "Equality of opportunity in supervised learning", 2016.
    """
    rates = ([group.true_positive_rate for group in groups], [group.false_positive_rate for group in groups])
    spreads = [spread for spread in map(_spread, rates) if not isnan(spread)]
    return max(spreads, default=nan)


def _spread(rates: Sequence[float]) -> float:
    defined = [rate for rate in rates if not isnan(rate)]
    return max(defined) - min(defined) if len(defined) > 1 else nan


def _share(part: int, whole: int) -> float:
    return part / whole if whole else nan
