"""Distances between two samples, from their counts in common bins.

Counts are arrays of shape (..., k); results have the leading shape, so all fields of a window are
measured in one pass (pad shorter ones with zeros: a bin empty in both samples counts for nothing).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

Counts = NDArray[Any]
Floats = NDArray[np.float64]

RARE = 5.0


def psi(reference: Counts, counts: Counts) -> Floats:
    """Population stability index: sum of (p - q) ln(p / q), symmetric, 0 for equal counts.

    Half a case is added to each bin (Jeffreys' prior), so that a bin empty on one side neither
    makes it infinite nor weighs much in a small window. By custom 0.1 is a small and 0.2 a real
    change (Siddiqi, Credit Risk Scorecards, 2006); without any change its mean is about
    (k - 1)(1/n + 1/m) (Yurdakul and Naranjo, 2020).
    """
    used = (reference + counts) > 0
    p, q = _smoothed(reference, used), _smoothed(counts, used)
    terms: Floats = np.where(used, (p - q) * np.log(p / q), 0.0)
    return np.asarray(terms.sum(axis=-1))


def js(reference: Counts, counts: Counts) -> Floats:
    """Jensen-Shannon distance with logarithms to base 2, 0 to 1, symmetric (Endres and Schindelin, 2003)."""
    p, q = _shares(reference), _shares(counts)
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return np.sqrt(np.maximum(divergence, 0.0))


def ks(reference: Counts, counts: Counts) -> tuple[Floats, Floats]:
    """Kolmogorov-Smirnov's statistic over ordered bins, and its p-value.

    Binning can only lower the statistic, so the p-value errs towards no change.
    """
    statistic = ks_statistic(reference, counts)
    return statistic, ks_p_value(statistic, reference, counts)


def ks_statistic(reference: Counts, counts: Counts) -> Floats:
    """The largest gap between the cumulated shares."""
    gaps = np.abs(np.cumsum(_shares(reference), axis=-1) - np.cumsum(_shares(counts), axis=-1))
    return np.asarray(gaps.max(axis=-1))


def ks_p_value(statistic: Floats, reference: Counts, counts: Counts, below: float = np.inf) -> Floats:
    """The p-value of a statistic, exact where it is below `below`; elsewhere it may be returned as 1 to save time."""
    n, m = reference.sum(axis=-1), counts.sum(axis=-1)
    effective = np.maximum(np.round(n * m / np.maximum(n + m, 1)), 1)
    small = _ks_floor(statistic, effective) < below
    p_value = np.ones(np.shape(statistic))
    if small.any():
        p_value[small] = scipy.stats.kstwo.sf(statistic[small], effective[small])
    return p_value


def _ks_floor(statistic: Floats, n: Floats) -> Floats:
    """A lower bound of the p-value: the probability that n cases are as far off at one point, halfway up the range."""
    point = (1 - np.minimum(statistic, 1.0)) / 2
    return np.asarray(scipy.special.bdtrc(np.ceil(n * (point + statistic)) - 1, n.astype(np.intp), point))


def chi_square(reference: Counts, counts: Counts) -> tuple[Floats, Floats]:
    """Pearson's chi-square of homogeneity, and its p-value.

    Bins in which either sample expects fewer than 5 cases are pooled into one (Cochran, 1954), which
    joins the smallest of the others if it is still so rare; with fewer than two bins left there is
    no difference to test and p is 1.
    """
    table = _pooled(np.stack(np.broadcast_arrays(reference, counts), axis=-2).astype(np.float64))
    expected = _expected(table)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(expected > 0, (table - expected) ** 2 / expected, 0.0)
    statistic = terms.sum(axis=(-2, -1))
    freedom = (table.sum(axis=-2) > 0).sum(axis=-1) - 1
    p_value = np.where(freedom > 0, scipy.special.chdtrc(np.maximum(freedom, 1), statistic), 1.0)
    return statistic, p_value


def association(statistic: Floats, reference: Counts, counts: Counts) -> Floats:
    """Cramér's V of two samples, 0 to 1: the strength of the difference behind a chi-square, at any sample size."""
    total = reference.sum(axis=-1) + counts.sum(axis=-1)
    return np.asarray(np.sqrt(np.minimum(statistic / np.maximum(total, 1), 1.0)))


def wasserstein(reference: Counts, counts: Counts, positions: NDArray[np.float64] | None = None) -> Floats:
    """Wasserstein's distance (the earth mover's) over ordered bins: how far a case has moved on average.

    `positions` (..., k) are the bins' positions, ascending, in units of the field. Without them each bin has the mean
    rank of its cases in the reference, 0 to 1: then 0.1 is past a tenth of the reference, whatever the field's unit.
    """
    before = _shares(reference)
    where = np.cumsum(before, axis=-1) - before / 2 if positions is None else positions
    gaps = np.abs(np.cumsum(before - _shares(counts), axis=-1))
    return np.asarray((gaps[..., :-1] * np.diff(where, axis=-1)).sum(axis=-1))


def _smoothed(counts: Counts, used: NDArray[np.bool_]) -> Floats:
    smoothed = counts + 0.5
    return np.asarray(smoothed / np.where(used, smoothed, 0.0).sum(axis=-1, keepdims=True).clip(min=0.5))


def _shares(counts: Counts) -> Floats:
    return np.asarray(counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1))


def _relative_entropy(p: Floats, q: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(p > 0, p * np.log2(p / q), 0.0).sum(axis=-1))


def _expected(table: Floats) -> Floats:
    total = np.maximum(table.sum(axis=(-2, -1), keepdims=True), 1)
    return np.asarray(table.sum(axis=-1, keepdims=True) * table.sum(axis=-2, keepdims=True) / total)


def _pooled(table: Floats) -> Floats:
    expected = _expected(table)
    rare = expected.min(axis=-2, keepdims=True) < RARE
    pool = np.where(rare, table, 0.0).sum(axis=-1, keepdims=True)
    kept = np.where(rare, 0.0, table)
    too_few = np.where(rare, expected, 0.0).sum(axis=-1, keepdims=True).min(axis=-2, keepdims=True) < RARE
    joins = too_few & ~rare.all(axis=-1, keepdims=True)
    totals = np.where(rare, np.inf, table.sum(axis=-2, keepdims=True))
    smallest = np.arange(table.shape[-1]) == totals.argmin(axis=-1, keepdims=True)
    kept = kept + np.where(joins & smallest, pool, 0.0)
    return np.concatenate([kept, np.where(joins, 0.0, pool)], axis=-1)
