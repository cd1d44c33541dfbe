"""Bins of columns for additive models: every value falls into one bin, and every bin has a row of weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 12  # of a number column with many distinct values
MAX_DISTINCT = 32  # distinct values up to which every one has its own bin
MAX_CODES = 2000  # codes of a category column that have their own bin
MAX_PAIRED_CODES = 50  # likewise in pairs, whose number grows with the square
MAX_PAIRED_COLUMNS = 12  # columns up to which all pairs are used, for their number grows with the square


@dataclass(frozen=True)
class ColumnBins:
    """The bins of the columns of a matrix of shape (n, d): for each column the `edges` between its bins, ascending.

    A missing value has a bin of its own, the last of its column. With `paired` there is a bin for every pair of bins
    of two columns instead.
    """

    edges: tuple[tuple[float, ...], ...]
    paired: bool = False

    @classmethod
    def fit(cls, matrix: NDArray[np.float64], categorical: NDArray[np.bool_], *, paired: bool = False) -> ColumnBins:
        """Quantiles of number columns, codes of category columns; `categorical` is a mask of shape (d,)."""
        codes = MAX_PAIRED_CODES if paired else MAX_CODES
        return cls(
            tuple(
                _codes(column, codes) if is_category else _quantiles(column)
                for column, is_category in zip(matrix.T, categorical, strict=True)
            ),
            paired,
        )

    @property
    def pairable(self) -> bool:
        """Whether there are pairs of columns, and few enough of them to be used."""
        return 2 <= len(self.edges) <= MAX_PAIRED_COLUMNS

    @cached_property
    def width(self) -> int:
        """How many bins each row falls into: one for each column, or for each pair."""
        d = len(self.edges)
        return d * (d - 1) // 2 if self.paired else d

    @cached_property
    def size(self) -> int:
        """Number of bins of all columns, or of all pairs."""
        return sum(a * b for a, b in self._pairs) if self.paired else sum(self._sizes)

    def bin_indices(self, matrix: NDArray[np.float64]) -> NDArray[np.intp]:
        """The bins that n rows fall into, numbered over all columns or pairs; shape (n, width)."""
        bins = np.empty((len(matrix), len(self.edges)), dtype=np.intp)
        for column, edges in enumerate(self._edges):
            values = matrix[:, column]
            bins[:, column] = np.searchsorted(edges, values, side="left")
            bins[np.isnan(values), column] = len(edges) + 1
        if not self.paired:
            return bins + self._starts
        first, second = self.columns
        return bins[:, first] * self._strides + bins[:, second] + self._starts

    def crossed(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.intp]:
        """Of pairs: the bins of rows whose first columns are as in one row, and whose second are as in another.

        Both are given by their bins, shapes (n, width) or (1, width).
        """
        kept = (first - self._starts) // self._strides * self._strides
        crossed: NDArray[np.intp] = kept + (second - self._starts) % self._strides + self._starts
        return crossed

    @cached_property
    def columns(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Of pairs: the first and the second column of each, both of shape (width,)."""
        pairs = np.array(list(combinations(range(len(self.edges)), 2)), dtype=np.intp).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {"edges": [list(edges) for edges in self.edges], "paired": self.paired}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ColumnBins:
        """The bins that `to_dict` wrote; KeyError, TypeError or ValueError for anything else."""
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
    def _strides(self) -> NDArray[np.intp]:
        return np.array([second for _, second in self._pairs], dtype=np.intp)

    @cached_property
    def _starts(self) -> NDArray[np.intp]:
        sizes: Sequence[int] = [a * b for a, b in self._pairs] if self.paired else self._sizes
        return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)


def _quantiles(column: NDArray[np.float64]) -> tuple[float, ...]:
    present = column[~np.isnan(column)]
    distinct = np.unique(present)
    if len(distinct) <= MAX_DISTINCT:
        return tuple(((distinct[1:] + distinct[:-1]) / 2).tolist())
    return tuple(np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)[1:-1])).tolist())


def _codes(column: NDArray[np.float64], limit: int) -> tuple[float, ...]:
    present = column[~np.isnan(column)]
    count = min(int(present.max(initial=-1.0)) + 1, limit)
    return tuple(code + 0.5 for code in range(count - 1))
