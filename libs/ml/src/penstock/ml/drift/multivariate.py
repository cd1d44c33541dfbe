"""Whether two samples of rows differ in how their columns hang together, which no field shows alone.

Samples are (n, d) arrays of numbers, NaN where a value is missing; both functions look at halves that a seed draws, so
the same samples always give the same verdict. They cost milliseconds to a second: they are for questions asked now
and then, not for every window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.ensemble import ExtraTreesClassifier

Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RowDrift:
    """How far the rows have moved, and how likely that is without a change."""

    value: float
    p_value: float


@dataclass(frozen=True)
class Subspace:
    """The plane in which a sample mostly lies, after each column was standardised. `axes` is (m, d)."""

    mean: Rows
    scale: Rows
    axes: Rows

    @classmethod
    def of(cls, sample: Rows, kept: float = 0.9) -> Subspace:
        """The fewest principal axes that hold the share `kept` of the variance, and at least one."""
        known = np.maximum(np.isfinite(sample).sum(axis=0), 1)
        mean = np.nansum(sample, axis=0) / known
        spread = np.sqrt(np.nansum((sample - mean) ** 2, axis=0) / known)
        scale = np.where(spread > 0, spread, 1.0)
        _, strengths, axes = np.linalg.svd(np.nan_to_num((sample - mean) / scale), full_matrices=False)
        held = np.cumsum(strengths**2) / max(float((strengths**2).sum()), 1e-300)
        return cls(mean, scale, axes[: int(np.searchsorted(held, kept)) + 1])

    def errors(self, rows: Rows) -> Rows:
        """How far each of n rows lies off the plane; shape (n,)."""
        standard = np.nan_to_num((rows - self.mean) / self.scale)
        return np.asarray(np.linalg.norm(standard - standard @ self.axes.T @ self.axes, axis=1))


def reconstruction_drift(reference: Rows, window: Rows, seed: int = 0) -> RowDrift:
    """Error of reconstruction by principal components (Qahtan et al., 2015): the mean now over the mean before.

    One half of the reference lays the plane, the other is what the window's errors are compared with, by
    Kolmogorov and Smirnov: 1 is no change. Raises ValueError for fewer than two rows of either.
    """
    _check(reference, window)
    first, second = _halves(reference, seed)
    plane = Subspace.of(first)
    before, now = plane.errors(second), plane.errors(window)
    value = float(now.mean()) / max(float(before.mean()), 1e-12)
    return RowDrift(value, float(stats.ks_2samp(before, now, method="asymp").pvalue))


def domain_drift(reference: Rows, window: Rows, seed: int = 0) -> RowDrift:
    """How well a classifier tells the window's rows from the reference's (Rabanser et al., 2019): its area under ROC.

    A forest learns from one half of each, the other halves are scored: 0.5 is no change, 1 two worlds. The p-value is
    Mann and Whitney's, one-sided, of those scores. Raises ValueError for fewer than two rows of either.
    """
    _check(reference, window)
    (before, later), (now, after) = (_halves(rows, seed) for rows in (reference, window))
    forest = ExtraTreesClassifier(100, min_samples_leaf=5, random_state=seed)
    forest.fit(np.concatenate([before, now]), np.repeat([0, 1], [len(before), len(now)]))
    known, new = (forest.predict_proba(rows)[:, 1] for rows in (later, after))
    found = stats.mannwhitneyu(new, known, alternative="greater")
    return RowDrift(float(found.statistic) / (len(known) * len(new)), float(found.pvalue))


def _halves(rows: Rows, seed: int) -> tuple[Rows, Rows]:
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows[order[: len(rows) // 2]], rows[order[len(rows) // 2 :]]


def _check(reference: Rows, window: Rows) -> None:
    if min(len(reference), len(window)) < 2:
        raise ValueError(f"{len(reference)} and {len(window)} rows: at least 2 of either are needed")
