"""Multivariate drift: whether two samples of rows differ in how their columns depend on each other.

Samples are (n, d) arrays of numbers, NaN where a value is missing; both functions use halves that a seed draws, so
the same samples always give the same result. They take milliseconds to a second: they are meant for a check now and
then, not for every window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

Rows = NDArray[np.float64]

LARGEST = 1e30  # trees hold numbers and their sums in 32 bits; larger ones count as this one


@dataclass(frozen=True, slots=True)
class RowDrift:
    """The statistic of a comparison of rows, and its p-value."""

    value: float
    p_value: float


@dataclass(frozen=True)
class Subspace:
    """The subspace that holds most of a sample's variance, after each column was standardised. `axes` is (m, d)."""

    mean: Rows
    scale: Rows
    axes: Rows

    @classmethod
    def of(cls, sample: Rows, variance_share: float = 0.9) -> Subspace:
        """The fewest principal axes that hold the share `variance_share` of the variance, and at least one."""
        mean, scale = _moments(sample)
        _, strengths, axes = np.linalg.svd(np.nan_to_num((sample - mean) / scale), full_matrices=False)
        shares = np.cumsum(strengths**2) / max(float((strengths**2).sum()), 1e-300)
        return cls(mean, scale, axes[: int(np.searchsorted(shares, variance_share)) + 1])

    def errors(self, rows: Rows) -> Rows:
        """The distance of each of n rows from the subspace; shape (n,)."""
        standard = np.nan_to_num((rows - self.mean) / self.scale)
        return np.asarray(np.linalg.norm(standard - standard @ self.axes.T @ self.axes, axis=1))


def reconstruction_drift(reference: Rows, window: Rows, seed: int = 0) -> RowDrift:
    """Error of reconstruction by principal components (Qahtan et al., 2015): the mean now over the mean before.

    One half of the reference gives the subspace, the errors of the other are compared with the window's by
    Kolmogorov and Smirnov's test: 1 is no change.

    Raises:
        ValueError: there are fewer than two rows of either.
    """
    reference, window = _checked(reference), _checked(window)
    first, second = _halves(reference, seed)
    subspace = Subspace.of(first)
    before, now = subspace.errors(second), subspace.errors(window)
    value = float(now.mean()) / max(float(before.mean()), 1e-12)
    return RowDrift(value, float(scipy.stats.ks_2samp(before, now, method="asymp").pvalue))


def domain_drift(reference: Rows, window: Rows, seed: int = 0) -> RowDrift:
    """How well a classifier tells the window's rows from the reference's (Rabanser et al., 2019): its area under ROC.

    A forest learns from one half of each, the other halves are scored: 0.5 is no change, 1 full separation. Columns are
    standardised by the reference, since trees hold numbers in 32 bits. The p-value is Mann and Whitney's, one-sided, of
    those scores.

    Raises:
        ValueError: there are fewer than two rows of either.
    """
    from sklearn.ensemble import ExtraTreesClassifier  # noqa: PLC0415 (slow to import, and seldom needed)

    reference, window = _checked(reference), _checked(window)
    mean, scale = _moments(reference)
    reference, window = (np.clip((rows - mean) / scale, -LARGEST, LARGEST) for rows in (reference, window))
    (before, later), (now, after) = (_halves(rows, seed) for rows in (reference, window))
    forest = ExtraTreesClassifier(100, min_samples_leaf=5, random_state=seed)
    forest.fit(np.concatenate([before, now]), np.repeat([0, 1], [len(before), len(now)]))
    reference_scores, window_scores = (forest.predict_proba(rows)[:, 1] for rows in (later, after))
    test = scipy.stats.mannwhitneyu(window_scores, reference_scores, alternative="greater")
    return RowDrift(float(test.statistic) / (len(reference_scores) * len(window_scores)), float(test.pvalue))


def _moments(sample: Rows) -> tuple[Rows, Rows]:
    """Mean and standard deviation of each column, 1 where all its values are equal."""
    counts = np.maximum(np.isfinite(sample).sum(axis=0), 1)
    mean = np.nansum(sample, axis=0) / counts
    spread = np.sqrt(np.nansum((sample - mean) ** 2, axis=0) / counts)
    return mean, np.where(spread > 0, spread, 1.0)


def _halves(rows: Rows, seed: int) -> tuple[Rows, Rows]:
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows[order[: len(rows) // 2]], rows[order[len(rows) // 2 :]]


def _checked(rows: Rows) -> Rows:
    if len(rows) < 2:
        raise ValueError(f"{len(rows)} rows: at least 2 of either sample are needed")
    return np.clip(rows, -LARGEST, LARGEST)
