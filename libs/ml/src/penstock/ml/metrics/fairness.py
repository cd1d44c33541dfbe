"""How differently a model treats groups: from counts alone, so that blocks of any size add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan


@dataclass(frozen=True, slots=True)
class Counts:
    """Answers to a binary question about one group, by what was true.

    >>> Counts(40, 10, 5, 45).selection_rate, Counts(40, 10, 5, 45).true_positive_rate
    (0.55, 0.9)
    """

    true_negatives: int = 0
    false_positives: int = 0
    false_negatives: int = 0
    true_positives: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Of both groups together."""
        return Counts(
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
        """The share answered positively; NaN without answers."""
        return _share(self.false_positives + self.true_positives, self.rows)

    @property
    def true_positive_rate(self) -> float:
        """Of the positive ones the share found; NaN without any."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def false_positive_rate(self) -> float:
        """Of the negative ones the share taken for positive; NaN without any."""
        return _share(self.false_positives, self.false_positives + self.true_negatives)


def demographic_parity_difference(groups: Sequence[Counts]) -> float:
    """The greatest difference of selection rates; 0 is parity, NaN where fewer than two groups have any answers.

    Source: Agarwal and others, "A reductions approach to fair classification", 2018.
    """
    return _spread([group.selection_rate for group in groups])


def equalised_odds_difference(groups: Sequence[Counts]) -> float:
    """The greater of the greatest differences of true and of false positive rates; 0 is parity.

    Source: Hardt, Price and Srebro, "Equality of opportunity in supervised learning", 2016.
    """
    rates = ([group.true_positive_rate for group in groups], [group.false_positive_rate for group in groups])
    known = [spread for spread in map(_spread, rates) if not isnan(spread)]
    return max(known, default=nan)


def _spread(rates: Sequence[float]) -> float:
    known = [rate for rate in rates if not isnan(rate)]
    return max(known) - min(known) if len(known) > 1 else nan


def _share(part: int, whole: int) -> float:
    return part / whole if whole else nan
