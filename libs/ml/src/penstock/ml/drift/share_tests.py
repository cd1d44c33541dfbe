"""Share tests: changed shares of missing values, new categories and values out of range, which distances may hide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.drift.window_tests import FieldDrift, Kind

MIN_CHANGES: dict[Kind, float] = {"missing": 0.05, "category": 0.02, "range": 0.02}
"""By how much a share of all values has to change at least."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many values of a field lie in some of its bins, in the reference and in the window."""

    field: str
    kind: Kind
    before: int
    of_before: int
    now: int
    of_now: int

    @property
    def change(self) -> float:
        """The share now minus the share before."""
        return self.now / max(self.of_now, 1) - self.before / max(self.of_before, 1)


def share_drifts(
    profile: Mapping[str, ReferenceBins], window: Mapping[str, NDArray[Any]], alpha: float = 0.001, minimum: int = 100
) -> list[FieldDrift]:
    """The shares that have changed, in the profile's order, by Fisher's exact test over the counts.

    For missing values either change counts, for categories that are not the reference's and numbers outside the
    reference's range only a rise. A change counts when it is at least `MIN_CHANGES` and its p-value, adjusted over all
    shares of all fields by Benjamini and Hochberg (1995), is below `alpha`. `value` is the share now, `threshold`
    what it had to reach. Windows of fewer than `minimum` events never drift.

    >>> reference = ReferenceBins.of(np.arange(1000.0), "number")
    >>> window = {"load": reference.count(np.append(np.arange(450.0), np.full(50, np.nan)))}
    >>> [(drift.kind, drift.value) for drift in share_drifts({"load": reference}, window)]
    [('missing', 0.1)]
    """
    shares = [share for name, bins in profile.items() if name in window for share in _shares(name, bins, window[name])]
    large = [_is_large(share) and min(share.of_before, share.of_now) >= minimum for share in shares]
    if not any(large):
        return []
    adjusted = scipy.stats.false_discovery_control(p_values(shares), method="bh")
    rows = zip(shares, adjusted, large, strict=True)
    return [_drift(share, float(p)) for share, p, is_large in rows if is_large and p < alpha]


def p_values(shares: list[Share]) -> NDArray[np.float64]:
    """How likely each change is without any: one-sided, of missing values twice the smaller side, at most 1."""
    now, of_now = np.array([share.now for share in shares]), np.array([share.of_now for share in shares])
    hits = now + np.array([share.before for share in shares])
    total = of_now + np.array([share.of_before for share in shares])
    two_sided = np.array([share.kind == "missing" for share in shares])
    up = scipy.stats.hypergeom.sf(now - 1, total, hits, of_now)
    down = scipy.stats.hypergeom.cdf(now, total, hits, of_now)
    return np.asarray(np.where(two_sided, np.minimum(2 * np.minimum(up, down), 1.0), up))


def _shares(name: str, reference: ReferenceBins, window: NDArray[Any]) -> Iterator[Share]:
    before = reference.counts
    of_before, of_now = sum(before), int(window.sum())
    yield Share(name, "missing", before[-1], of_before, int(window[-1]), of_now)
    if reference.kind == "category":
        yield Share(name, "category", before[-2], of_before, int(window[-2]), of_now)
    elif reference.edges:
        ends = [index for index in (0, -2) if not before[index]]  # bins for values outside the reference's range
        yield Share(name, "range", 0, of_before, sum(int(window[index]) for index in ends), of_now)


def _is_large(share: Share) -> bool:
    change = abs(share.change) if share.kind == "missing" else share.change
    return change >= MIN_CHANGES[share.kind]


def _drift(share: Share, p_value: float) -> FieldDrift:
    before = share.before / share.of_before
    threshold = before + MIN_CHANGES[share.kind] * (1 if share.change > 0 else -1)
    return FieldDrift(share.field, "fisher", share.now / share.of_now, threshold, p_value, True, share.kind)
