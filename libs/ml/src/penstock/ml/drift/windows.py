"""Whether a window of events differs from its reference, over all fields at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from penstock.ml.drift import distances

Statistic = Literal["psi", "js", "ks"]

THRESHOLDS: dict[Statistic, float] = {"psi": 0.2, "js": 0.15, "ks": 0.15}


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """How far one field has moved.

    `p_value` is already adjusted for the number of fields; `drifted` is the verdict.
    """

    field: str
    statistic: Statistic
    value: float
    threshold: float
    p_value: float
    drifted: bool


@dataclass(frozen=True, slots=True)
class WindowTest:
    """A field has drifted when the change is both large and no accident.

    Large: the statistic reaches its threshold. No accident: the p-value (Kolmogorov-Smirnov's for
    "ks", else chi-square's), adjusted over all fields by Benjamini and Hochberg (1995), is below
    `alpha`. Windows of fewer than `minimum` events are never judged. The tests take events for
    independent: where values have a daily cycle a window should hold whole days.

    >>> test = WindowTest()
    >>> [found.drifted for found in test.measure({"a": np.array([500, 500])}, {"a": np.array([20, 180])})]
    [True]
    """

    statistic: Statistic = "psi"
    threshold: float | None = None
    alpha: float = 0.001
    minimum: int = 100

    def measure(self, reference: Mapping[str, NDArray[Any]], window: Mapping[str, NDArray[Any]]) -> list[FieldDrift]:
        """Compare the counts (k,) of each field that both know; in the reference's order.

        Raises ValueError when a field has other bins in the window than in the reference.
        """
        fields = [name for name in reference if name in window]
        if not fields:
            return []
        before, now = _stacked(fields, reference, window)
        values, p_values = self._measured(before, now)
        threshold = THRESHOLDS[self.statistic] if self.threshold is None else self.threshold
        adjusted = stats.false_discovery_control(p_values, method="bh")
        judged = np.minimum(before.sum(axis=-1), now.sum(axis=-1)) >= self.minimum
        drifted = judged & (values >= threshold) & (adjusted < self.alpha)
        return [
            FieldDrift(name, self.statistic, float(value), threshold, float(p), bool(verdict))
            for name, value, p, verdict in zip(fields, values, adjusted, drifted, strict=True)
        ]

    def drifts(self, reference: Mapping[str, NDArray[Any]], window: Mapping[str, NDArray[Any]]) -> list[FieldDrift]:
        """Only the fields that have drifted, the largest change first."""
        found = [field for field in self.measure(reference, window) if field.drifted]
        return sorted(found, key=lambda field: -field.value)

    def _measured(self, before: NDArray[Any], now: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        if self.statistic == "ks":
            return distances.ks(before, now)
        distance = distances.psi if self.statistic == "psi" else distances.js
        return distance(before, now), distances.chi_square(before, now)[1]


def _stacked(
    fields: list[str], reference: Mapping[str, NDArray[Any]], window: Mapping[str, NDArray[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    width = max(len(reference[name]) for name in fields)
    both = np.zeros((2, len(fields), width), dtype=np.int64)
    for row, name in enumerate(fields):
        if len(reference[name]) != len(window[name]):
            raise ValueError(
                f"field {name!r} has {len(window[name])} bins in the window, {len(reference[name])} in the reference"
            )
        both[0, row, : len(reference[name])] = reference[name]
        both[1, row, : len(window[name])] = window[name]
    return both[0], both[1]
