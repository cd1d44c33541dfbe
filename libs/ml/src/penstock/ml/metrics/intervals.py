"""Confidence intervals of shares and means, and of the difference between two answers to the same cases."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isfinite, nan, sqrt

import numpy as np
import scipy
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided confidence interval; a bound that is not finite is unknown."""

    low: float
    high: float

    @property
    def bounds(self) -> tuple[float, float] | tuple[None, None]:
        """Both bounds, None unless both are known: records and JSON hold no infinity."""
        return (self.low, self.high) if isfinite(self.low) and isfinite(self.high) else (None, None)


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of paired differences over n cases, with its confidence interval."""

    mean: float
    low: float
    high: float
    n: int


def wilson(share: float, n: float, level: float = 0.95) -> Interval:
    """Wilson's score interval (1927) of a share in n cases, which need not be a whole number; (0, 1) without cases.

    >>> wilson(1.0, 100).high
    1.0
    """
    if n <= 0:
        return Interval(0.0, 1.0)
    z = _deviate(level)
    divisor = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / divisor
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / divisor
    return Interval(max(centre - half, 0.0) if share > 0 else 0.0, min(centre + half, 1.0) if share < 1 else 1.0)


def accuracy_interval(correct: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval for `correct` hits in n cases; (0, 1) without cases."""
    return wilson(correct / n if n else 0.0, n, level)


def mean_interval(values: NDArray[np.float64], level: float = 0.95) -> Interval:
    """Normal interval of a mean; NaN with fewer than two values."""
    if len(values) < 2:
        return Interval(nan, nan)
    mean = float(values.mean())
    half = _deviate(level) * sqrt(variance(values) / len(values))
    return Interval(mean - half, mean + half)


def variance(values: NDArray[np.float64]) -> float:
    """The unbiased variance of at least two values; in a fifth of the time numpy's takes for a hundred."""
    centred = values - values.mean()
    return float(centred @ centred) / (len(values) - 1)


def paired_difference(losses_a: NDArray[np.float64], losses_b: NDArray[np.float64], level: float = 0.95) -> Difference:
    """Mean of a - b over the same cases with Student's t interval: below 0 means a is the better.

    With fewer than two cases the interval is unbounded.

    Raises:
        ValueError: the lengths differ.
    """
    if len(losses_a) != len(losses_b):
        raise ValueError(f"{len(losses_a)} and {len(losses_b)} losses: a paired test needs the same cases")
    n = len(losses_a)
    differences = losses_a - losses_b
    if n < 2:
        return Difference(float(differences.sum()) if n else nan, -np.inf, np.inf, n)
    mean = float(differences.mean())
    half = float(scipy.special.stdtrit(n - 1, (1 + level) / 2)) * float(differences.std(ddof=1)) / sqrt(n)
    return Difference(mean, mean - half, mean + half, n)


@lru_cache(maxsize=16)
def _deviate(level: float) -> float:
    """How many standard deviations around its mean a normal value lies in with probability `level`."""
    return float(scipy.special.ndtri((1 + level) / 2))
