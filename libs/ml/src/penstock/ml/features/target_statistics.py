"""Target statistics: mean labels by category, for fields of too many categories to have a code each.

Training rows are encoded by rows before them only (ordered target statistics: Prokhorenkova and others, CatBoost,
2018): a model that met its own label in a column would trust the column more than it deserves. It is done by blocks of
rows, since statistics have some age when they serve, too.
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

WEIGHT = 10.0
"""Rows that the mean of all rows counts for in that of a category."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class TargetStatistics:
    """The k mean targets of each category, and of all rows: data only.

    The mean of few rows is drawn towards that of all; a category that was not seen has the mean of all rows, a missing
    value has NaN.

    >>> shops = np.array(["a", "a", "b", "b"], dtype=object)
    >>> statistics = TargetStatistics.fit(shops, np.array([[1.0], [0.9], [0.0], [0.1]]))
    >>> statistics.column(np.array(["a", "b", "z", None], dtype=object), 0).round(1).tolist()
    [0.6, 0.4, 0.5, nan]
    """

    categories: tuple[str, ...]
    means: tuple[tuple[float, ...], ...]
    overall: tuple[float, ...]

    @classmethod
    def fit(cls, values: NDArray[Any], targets: Numbers) -> TargetStatistics:
        """The statistics of a category column of n rows with their targets, shape (n, k)."""
        categories = most_frequent(values, MAX_CATEGORIES)
        codes, overall = _index_of(categories).encode(values), targets.mean(axis=0)
        means = _means(codes, targets, overall, len(categories))
        return cls(categories, tuple(map(tuple, means.tolist())), tuple(overall.tolist()))

    @property
    def width(self) -> int:
        """Number of targets k."""
        return len(self.overall)

    def column(self, values: NDArray[Any], target: int) -> Numbers:
        """The means of one target for n values, shape (n,)."""
        return self._table[:, target].take(self._index.encode(values))

    def ordered_columns(self, values: NDArray[Any], targets: Numbers, known_at: NDArray[np.intp]) -> Numbers:
        """The means of all targets for n training rows in order, by what was known at the start of each block: (n, k).

        `known_at` is for each label the first row that came after it. Where nothing was known all have one mean.
        """
        codes, size = self._index.encode(values), len(self.categories)
        columns = _table(np.tile(self.overall, (size, 1)), self.overall)[codes]
        starts = np.linspace(0, len(values), BLOCKS + 1).astype(int).tolist()
        for start, end in pairwise(starts):
            known = np.flatnonzero(known_at[:start] <= start)
            if len(known):
                overall = targets[known].mean(axis=0)
                means = _means(codes[known], targets[known], overall, size)
                columns[start:end] = _table(means, overall)[codes[start:end]]
        return columns

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "categories": list(self.categories),
            "means": [list(means) for means in self.means],
            "overall": list(self.overall),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TargetStatistics:
        """The statistics that `to_dict` wrote; KeyError, TypeError or ValueError for anything else."""
        means = tuple(tuple(map(float, of_category)) for of_category in data["means"])
        statistics = cls(tuple(data["categories"]), means, tuple(map(float, data["overall"])))
        if len(means) != len(statistics.categories) or not np.isfinite(statistics._table[:-1]).all():
            raise ValueError("target statistics need a finite mean of each category")
        return statistics

    @cached_property
    def _index(self) -> CategoryCodes:
        return _index_of(self.categories)

    @cached_property
    def _table(self) -> Numbers:
        return _table(np.array(self.means, dtype=np.float64).reshape(-1, self.width), self.overall)


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


def _means(codes: NDArray[np.intp], targets: Numbers, overall: Numbers, size: int) -> Numbers:
    """The means of n rows by their codes up to `size`, shape (size, k)."""
    coded = codes < size
    rows = np.bincount(codes[coded], minlength=size)
    above = (targets - overall)[coded]
    sums = np.column_stack([np.bincount(codes[coded], target, size) for target in above.T])
    return overall + sums / (rows + WEIGHT)[:, None]


def _table(means: Numbers, overall: Sequence[float] | Numbers) -> Numbers:
    """The means by code: shape (categories + 2, k), see `_index_of`."""
    return np.vstack([means, overall, np.full(len(overall), np.nan)])
