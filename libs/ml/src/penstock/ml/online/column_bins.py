"""Columns as steps: every value falls into one bin of its column, and every bin has a place in a table of weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 12  # of a number column with many distinct values
FEW = 32  # distinct values up to which every one has its own bin
MOST_LEVELS = 50  # codes of a category column that have their own bin
MOST_PAIRED = 12  # columns up to which all pairs are looked at, for their number grows with the square


@dataclass(frozen=True)
class Steps:
    """Where the columns of a matrix of shape (n, d) have their bins: `edges` between them, per column, rising.

    A missing value has a bin of its own, the last of its column. With `paired` there is a bin for every pair of bins
    of two columns instead.
    """

    edges: tuple[tuple[float, ...], ...]
    paired: bool = False

    @classmethod
    def fit(cls, matrix: NDArray[np.float64], categorical: NDArray[np.bool_], *, paired: bool = False) -> Steps:
        """Quantiles of number columns, codes of category columns; `categorical` is a mask of shape (d,)."""
        return cls(
            tuple(
                _codes(column) if is_category else _quantiles(column)
                for column, is_category in zip(matrix.T, categorical, strict=True)
            ),
            paired,
        )

    @property
    def pairable(self) -> bool:
        """Whether pairs of columns are few enough to be looked at, and there are any."""
        return 2 <= len(self.edges) <= MOST_PAIRED

    @cached_property
    def width(self) -> int:
        """How many places each row has: a column's, or a pair's."""
        d = len(self.edges)
        return d * (d - 1) // 2 if self.paired else d

    @cached_property
    def size(self) -> int:
        """Number of places."""
        return sum(a * b for a, b in self._pairs) if self.paired else sum(self._sizes)

    def places(self, matrix: NDArray[np.float64]) -> NDArray[np.intp]:
        """The places of n rows, shape (n, width)."""
        bins = np.empty((len(matrix), len(self.edges)), dtype=np.intp)
        for column, edges in enumerate(self._edges):
            values = matrix[:, column]
            bins[:, column] = np.searchsorted(edges, values, side="left")
            bins[np.isnan(values), column] = len(edges) + 1
        if not self.paired:
            return bins + self._starts
        first, second = self._columns
        return bins[:, first] * self._strides + bins[:, second] + self._starts

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {"edges": [list(edges) for edges in self.edges], "paired": self.paired}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Steps:
        """What `to_dict` described; KeyError, TypeError or ValueError for anything else."""
        return cls(tuple(tuple(map(float, edges)) for edges in data["edges"]), bool(data["paired"]))

    @cached_property
    def _edges(self) -> list[NDArray[np.float64]]:
        return [np.array(edges, dtype=np.float64) for edges in self.edges]

    @cached_property
    def _sizes(self) -> list[int]:
        return [len(edges) + 2 for edges in self.edges]

    @cached_property
    def _pairs(self) -> list[tuple[int, int]]:
        return list(combinations(self._sizes, 2))

    @cached_property
    def _columns(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        pairs = np.array(list(combinations(range(len(self.edges)), 2)), dtype=np.intp).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    @cached_property
    def _strides(self) -> NDArray[np.intp]:
        return np.array([second for _, second in self._pairs], dtype=np.intp)

    @cached_property
    def _starts(self) -> NDArray[np.intp]:
        sizes: Sequence[int] = [a * b for a, b in self._pairs] if self.paired else self._sizes
        return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)


def _quantiles(column: NDArray[np.float64]) -> tuple[float, ...]:
    present = column[~np.isnan(column)]
    distinct = np.unique(present)
    if len(distinct) <= FEW:
        return tuple(((distinct[1:] + distinct[:-1]) / 2).tolist())
    return tuple(np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)[1:-1])).tolist())


def _codes(column: NDArray[np.float64]) -> tuple[float, ...]:
    present = column[~np.isnan(column)]
    known = min(int(present.max(initial=-1.0)) + 1, MOST_LEVELS)
    return tuple(code + 0.5 for code in range(known - 1))
