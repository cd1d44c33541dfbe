"""Histogram boosting as table look-ups: see `leaf_masks`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Frame
from penstock.ml.fused.column_reader import LevelColumn, number_rows
from penstock.ml.fused.leaf_masks import MAX_LEAVES, SplitColumn, leaf_masks, leaf_positions
from penstock.ml.fused.link_functions import Link, identity, logistic, softmax
from penstock.ml.fused.split_tables import CategorySplits, NumberSplits, splits_by_column, tree_columns

MAX_TABLE = 64 * 1024 * 1024
"""Largest size of a model's table in bytes."""

_CACHED = 256 * 1024
"""Bytes of masks worked on at once: about what fits into a processor's second cache."""

_EDGES = 4
_LINKS: dict[str, Link] = {"IdentityLink": identity, "LogitLink": logistic, "MultinomialLogit": softmax}


class FusedBoosting:
    """The output of the family `boosting`: sums over trees, whose leaves are looked up.

    Raises:
        LookupError, AttributeError, TypeError, ValueError: the estimator cannot be computed so.
    """

    name = "boosting"

    def __init__(self, encoder: Encoder, estimator: Any) -> None:
        trees = [tree for of_class in zip(*estimator._predictors, strict=True) for tree in of_class]
        splits = splits_by_column(estimator, trees, encoder.cardinalities)
        starts = np.cumsum([0, *(split.row_count for split in splits.values())])
        _check_size(int(starts[-1]), len(trees))
        self._encoder = encoder
        self._link = _LINKS[type(estimator._loss.link).__name__]
        self._baseline = estimator._baseline_prediction
        self._numbers = {column: split for column, split in splits.items() if isinstance(split, NumberSplits)}
        self._levels = [LevelColumn(encoder, column) for column in splits if column not in self._numbers]
        self._starts = starts[:-1, None]
        self._table, values = leaf_masks(trees, _columns(splits, self._starts[:, 0], tree_columns(estimator)))
        self._values = values.ravel()
        self._first = np.arange(len(trees)) * MAX_LEAVES
        self._step = max(1, _CACHED // (len(splits) * self._table[0].nbytes))

    def __call__(self, frame: Frame) -> NDArray[np.float64]:
        """The probabilities of n rows, shape (n, k), or their numbers, shape (n,).

        Raises:
            WrongFields: as the encoder does.
        """
        rows = self._rows(frame)
        scores = np.empty((len(frame), self._baseline.shape[1]))
        for start in range(0, len(frame), self._step):
            chunk = slice(start, start + self._step)
            scores[chunk] = self._sums(rows[:, chunk])
        scores += self._baseline
        return self._link(scores.T)

    def edges(self) -> dict[str, list[float]]:
        """Some values at which the output jumps, by field."""
        return {
            self._encoder.names[column]: split.thresholds[:-1][:: max(1, split.row_count // _EDGES)].tolist()
            for column, split in self._numbers.items()
        }

    def _rows(self, frame: Frame) -> NDArray[np.intp]:
        """The rows of the table that the columns of n events fall into, shape (columns, n)."""
        rows = np.empty((len(self._starts), len(frame)), dtype=np.intp)
        for row, levels in zip(rows, self._levels, strict=False):
            row[:] = levels.rows(frame)
        numbers = number_rows(frame, self._encoder, tuple(self._numbers))
        for row, split, values in zip(rows[len(self._levels) :], self._numbers.values(), numbers, strict=True):
            row[:] = split.rows(values)
        rows += self._starts
        return rows

    def _sums(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """The sums of the leaves, shape (n, k), for rows of the table of shape (columns, n)."""
        leaves = leaf_positions(np.bitwise_and.reduce(self._table.take(rows, axis=0), axis=0))
        leaves += self._first
        values = self._values.take(leaves, mode="clip")  # never outside the table; "clip" because checking costs more
        sums: NDArray[np.float64] = values.reshape(len(leaves), self._baseline.shape[1], -1).sum(axis=2)
        return sums


def _columns(
    splits: dict[int, NumberSplits | CategorySplits], starts: NDArray[np.intp], tree_order: list[int]
) -> dict[int, SplitColumn]:
    """The columns that trees split on, by the trees' own numbers of them."""
    return {
        tree_order.index(column): SplitColumn(slice(int(start), int(start) + split.row_count), split.goes_left)
        for (column, split), start in zip(splits.items(), starts, strict=True)
    }


def _check_size(rows: int, trees: int) -> None:
    if not rows:
        raise ValueError("its trees ask nothing")
    size = 4 * rows * trees
    if size > MAX_TABLE:
        raise ValueError(f"its table would take {size} bytes, more than the {MAX_TABLE} allowed")
