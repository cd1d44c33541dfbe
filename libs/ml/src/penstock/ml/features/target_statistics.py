"""Target statistics: mean labels by category, for fields of too many categories to have a code each.

Training rows are encoded by rows before them only (ordered target statistics: Prokhorenkova and others, CatBoost, 2018):
a model that met its own label in a column would trust the column more than it deserves. They are encoded a block at a
time, since statistics are as old when they serve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.category_codes import CategoryCodes

MAX_CATEGORIES = 20_000
"""Categories that have a mean of their own: the most frequent ones."""

BLOCKS = 20
"""Blocks of training rows, each encoded by what was known at its start."""

LARGEST_WEIGHT = 1e6

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class TargetStatistics:
    """The rows of each category, the sums of their k targets above the means of all rows, and these means: data only.

    A category's mean is drawn towards that of all rows, which counts for `weight` rows; one that was not seen has the
    mean of all rows, a missing value has NaN.

    >>> shops = np.array(["a", "a", "b", "b"], dtype=object)
    >>> statistics = TargetStatistics.fit(shops, np.array([[1.0], [0.9], [0.0], [0.1]]))
    >>> statistics.means(np.array(["a", "b", "z", None], dtype=object), 0).round(1).tolist()
    [0.9, 0.1, 0.5, nan]
    """

    categories: tuple[str, ...]
    rows: tuple[int, ...]
    sums: tuple[tuple[float, ...], ...]
    overall: tuple[float, ...]
    weight: float

    @classmethod
    def fit(cls, values: NDArray[Any], targets: Numbers) -> TargetStatistics:
        """The statistics of a category column of n rows with their targets, shape (n, k)."""
        categories = most_frequent(values, MAX_CATEGORIES)
        totals = _Totals.of(_index_of(categories).encode(values), targets, len(categories))
        return cls(
            categories,
            tuple(totals.rows.astype(int).tolist()),
            tuple(map(tuple, totals.sums.tolist())),
            tuple(totals.overall.tolist()),
            totals.weight,
        )

    @property
    def width(self) -> int:
        """Number of targets k."""
        return len(self.overall)

    def means(self, values: NDArray[Any], target: int) -> Numbers:
        """The means of one target for n values, shape (n,)."""
        return self._table[:, target].take(self._index.encode(values))

    def ordered_means(self, values: NDArray[Any], targets: Numbers, known_at: NDArray[np.intp]) -> Numbers:
        """The means of all targets for n training rows in order, by what was known at the start of each block: (n, k).

        `known_at` is for each label the first row that came after it. Where nothing was known all have one mean.
        """
        codes = self._index.encode(values)
        means = np.where(codes > len(self.categories), np.nan, 1.0)[:, None] * self.overall
        starts = np.linspace(0, len(values), BLOCKS + 1).astype(int).tolist()
        for start, end in pairwise(starts):
            known = np.flatnonzero(known_at[:start] <= start)
            if len(known) and end > start:
                totals = _Totals.of(codes[known], targets[known], len(self.categories))
                means[start:end] = totals.table[codes[start:end]]
        return means

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "categories": list(self.categories),
            "rows": list(self.rows),
            "sums": [list(sums) for sums in self.sums],
            "overall": list(self.overall),
            "weight": self.weight,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TargetStatistics:
        """The statistics that `to_dict` wrote; KeyError, TypeError or ValueError for anything else."""
        statistics = cls(
            tuple(data["categories"]),
            tuple(map(int, data["rows"])),
            tuple(tuple(map(float, sums)) for sums in data["sums"]),
            tuple(map(float, data["overall"])),
            float(data["weight"]),
        )
        if len(statistics.rows) != len(statistics.categories) or not np.isfinite(statistics._table[:-1]).all():
            raise ValueError("statistics without a finite mean of each category")
        return statistics

    @cached_property
    def _index(self) -> CategoryCodes:
        return _index_of(self.categories)

    @cached_property
    def _table(self) -> Numbers:
        sums = np.array(self.sums, dtype=np.float64).reshape(-1, self.width)
        return _Totals(np.array(self.rows, dtype=np.float64), sums, np.array(self.overall), self.weight).table


@dataclass(frozen=True, slots=True)
class _Totals:
    """What `TargetStatistics` holds, as arrays: rows (c,) and sums (c, k) of c categories, means of all rows (k,)."""

    rows: Numbers
    sums: Numbers
    overall: Numbers
    weight: float

    @classmethod
    def of(cls, codes: NDArray[np.intp], targets: Numbers, size: int) -> _Totals:
        overall = targets.mean(axis=0)
        above, has_code = targets - overall, codes < size
        codes, above = codes[has_code], above[has_code]
        rows = np.bincount(codes, minlength=size).astype(np.float64)
        sums = np.column_stack([np.bincount(codes, column, size) for column in above.T])
        return cls(rows, sums, overall, _credibility_weight(rows, sums, float((above**2).sum())))

    @property
    def table(self) -> Numbers:
        """The means by code, shape (c + 2, k): last those of categories without a code, and of missing values."""
        means = self.overall + self.sums / (self.rows + self.weight)[:, None]
        return np.vstack([means, self.overall, np.full(len(self.overall), np.nan)])


def most_frequent(values: NDArray[Any], limit: int) -> tuple[str, ...]:
    """At most `limit` texts of a category column, the most frequent first, ties by alphabet."""
    counts = Counter(values.tolist())
    counts.pop(None, None)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(text for text, _ in ranked[:limit])


def _index_of(categories: Sequence[str]) -> CategoryCodes:
    """Codes in order, then one for categories without a code, then one for missing values."""
    codes: dict[str | None, int] = {text: code for code, text in enumerate(categories)}
    return CategoryCodes({**codes, None: len(categories) + 1}, other=len(categories))


def _credibility_weight(rows: Numbers, sums: Numbers, squares: float) -> float:
    """How many rows the mean of all counts for: variance within categories by that between them (Bühlmann, 1967).

    `squares` is the sum of the squared targets above their mean.
    """
    seen = rows > 0
    n, categories = float(rows.sum()), int(seen.sum())
    explained = float((sums[seen] ** 2 / rows[seen][:, None]).sum())
    within = (squares - explained) / max(n - categories, 1.0)
    spread = n - float((rows**2).sum()) / max(n, 1.0)
    between = (explained - (categories - 1) * within) / spread if spread > 0 else 0.0
    if within <= 0:
        return 1.0
    return float(np.clip(within / between, 1.0, LARGEST_WEIGHT)) if between > 0 else LARGEST_WEIGHT
