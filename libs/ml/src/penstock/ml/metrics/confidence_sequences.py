"""Confidence sequences: intervals that stay valid however often one looks, and whenever one stops."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log, sqrt

from penstock.ml.metrics.intervals import Interval
from penstock.ml.metrics.scores import LARGEST_LOSS

MIN_CASES = 30  # cases before an interval is bounded: the method is asymptotic
TUNED_CASES = 500  # cases at which the intervals are narrowest, unless told otherwise


@dataclass(frozen=True, slots=True)
class Moments:
    """n cases by their mean and the sum of squares around it: what can be added up block by block.

    >>> Moments.of([1.0, 0.0]) + Moments.of([1.0, 1.0, 0.0, 0.0])
    Moments(n=6, mean=0.5, squares=1.5)
    """

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: list[float]) -> Moments:
        """The moments of these cases, each cut at `LARGEST_LOSS`, so that their squares are finite."""
        values = [min(max(value, -LARGEST_LOSS), LARGEST_LOSS) for value in values]
        mean = sum(values) / len(values) if values else 0.0
        return cls(len(values), mean, sum((value - mean) ** 2 for value in values))

    def __add__(self, other: Moments) -> Moments:
        """The moments of both samples together (Chan, Golub and LeVeque, 1979)."""
        n = self.n + other.n
        if not n:
            return self
        gap = other.mean - self.mean
        mean = self.mean + gap * other.n / n
        return Moments(n, mean, self.squares + other.squares + gap * gap * self.n * other.n / n)


def always_valid(moments: Moments, level: float = 0.95, scale: float = 1.0, tuned_cases: int = TUNED_CASES) -> Interval:
    """An interval that holds the mean at all times at once with probability `level`.

    The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas ("Time-uniform central limit
    theory and asymptotic confidence sequences", 2024), whose mixture is tuned to `tuned_cases` cases. It is unbounded
    before `MIN_CASES` cases. So that a run of equal losses does not pass for certainty, one more case is assumed to lie
    `scale` off the mean.

    >>> bounds = always_valid(Moments(1000, 0.2, 160.0))
    >>> round(bounds.low, 2), round(bounds.high, 2)
    (0.16, 0.24)
    """
    n = moments.n
    if n < MIN_CASES:
        return Interval(-inf, inf)
    alpha = 1 - level
    tuned = (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / tuned_cases
    spread = n * tuned + 1
    deviation = sqrt((moments.squares + scale * scale) / n)
    half = deviation * sqrt(2 * spread / (n * n * tuned) * log(sqrt(spread) / alpha))
    return Interval(moments.mean - half, moments.mean + half)


def always_valid_difference(
    a: Moments, b: Moments, level: float = 0.95, scale: float = 1.0, tuned_cases: int = TUNED_CASES
) -> Interval:
    """An interval of mean a minus mean b, over different cases: from two intervals, each at half the error level."""
    each = (1 + level) / 2
    first, second = always_valid(a, each, scale, tuned_cases), always_valid(b, each, scale, tuned_cases)
    return Interval(first.low - second.high, first.high - second.low)
