"""Window tests: whether a window of events differs from its reference, over all fields at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from penstock.ml.drift import distances

Counts = NDArray[np.int64]
Statistic = Literal["psi", "js", "ks", "chi-square", "wasserstein"]
Kind = Literal["feature", "missing", "category", "range"]

THRESHOLDS: dict[Statistic, float] = {"psi": 0.2, "js": 0.15, "ks": 0.15, "chi-square": 0.2, "wasserstein": 0.1}
ORDERED: frozenset[Statistic] = frozenset({"ks", "wasserstein"})
"""Statistics that make sense only of bins in an order: those of numbers."""


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """How far the values of one field have shifted, or one share of them (`kind` not `feature`: Fisher's exact test).

    `p_value` is already adjusted for the number of fields; `drifted` is the verdict.
    """

    field: str
    statistic: Statistic | Literal["fisher"]
    value: float
    threshold: float
    p_value: float
    drifted: bool
    kind: Kind = "feature"


@dataclass(frozen=True, slots=True)
class WindowTest:
    """A field has drifted when the change is both large and significant.

    Large: the statistic reaches its threshold, which for "chi-square" is Cramér's V. Significant: the p-value
    (Kolmogorov-Smirnov's for "ks" and "wasserstein", else chi-square's), adjusted over all fields by Benjamini and
    Hochberg (1995), is below `alpha`. Windows of fewer than `minimum` events never drift. The tests assume independent
    events: where values have a daily cycle a window should hold whole days.

    >>> test = WindowTest()
    >>> [field.drifted for field in test.measure({"a": np.array([500, 500])}, {"a": np.array([20, 180])})]
    [True]
    """

    statistic: Statistic = "psi"
    threshold: float | None = None
    alpha: float = 0.001
    minimum: int = 100

    def measure(self, reference: Mapping[str, NDArray[Any]], window: Mapping[str, NDArray[Any]]) -> list[FieldDrift]:
        """Compare the counts (k,) of each field that both have; in the reference's order.

        Raises:
            ValueError: a field has other bins in the window than in the reference.
        """
        return self._test(*_stack(reference, window))

    def drifts(self, reference: Mapping[str, NDArray[Any]], window: Mapping[str, NDArray[Any]]) -> list[FieldDrift]:
        """Only the fields that have drifted, the largest change first."""
        tested = self._test(*_stack(reference, window), only_drifts=True)
        return sorted((field for field in tested if field.drifted), key=lambda field: -field.value)

    def _test(self, fields: list[str], before: Counts, now: Counts, only_drifts: bool = False) -> list[FieldDrift]:
        """The result for every field; `only_drifts` skips work that cannot show a drift."""
        if not fields:
            return []
        threshold = THRESHOLDS[self.statistic] if self.threshold is None else self.threshold
        values = self._values(before, now)
        enough = np.minimum(before.sum(axis=-1), now.sum(axis=-1)) >= self.minimum
        large = enough & (values >= threshold)
        if only_drifts and not large.any():
            return []
        p_values = self._p_values(values, before, now, self.alpha if only_drifts else np.inf)
        adjusted = scipy.stats.false_discovery_control(p_values, method="bh")
        drifted = large & (adjusted < self.alpha)
        return [
            FieldDrift(name, self.statistic, float(value), threshold, float(p), bool(verdict))
            for name, value, p, verdict in zip(fields, values, adjusted, drifted, strict=True)
        ]

    def _values(self, before: Counts, now: Counts) -> NDArray[np.float64]:
        if self.statistic == "chi-square":
            return distances.association(distances.chi_square(before, now)[0], before, now)
        return _DISTANCES[self.statistic](before, now)

    def _p_values(self, values: NDArray[np.float64], before: Counts, now: Counts, below: float) -> NDArray[np.float64]:
        if self.statistic in ORDERED:
            gaps = values if self.statistic == "ks" else distances.ks_statistic(before, now)
            return distances.ks_p_value(gaps, before, now, below)
        return distances.chi_square(before, now)[1]


_DISTANCES: dict[Statistic, Callable[[Counts, Counts], NDArray[np.float64]]] = {
    "psi": distances.psi,
    "js": distances.js,
    "ks": distances.ks_statistic,
    "wasserstein": distances.wasserstein,
}


def _stack(
    reference: Mapping[str, NDArray[Any]], window: Mapping[str, NDArray[Any]]
) -> tuple[list[str], Counts, Counts]:
    """The fields that both have, and their counts as rows, padded with zeros."""
    fields = [name for name in reference if name in window]
    width = max((len(reference[name]) for name in fields), default=0)
    both = np.zeros((2, len(fields), width), dtype=np.int64)
    for row, name in enumerate(fields):
        if len(reference[name]) != len(window[name]):
            raise ValueError(
                f"field {name!r} has {len(window[name])} bins in the window, {len(reference[name])} in the reference"
            )
        both[0, row, : len(reference[name])] = reference[name]
        both[1, row, : len(window[name])] = window[name]
    return fields, both[0], both[1]
