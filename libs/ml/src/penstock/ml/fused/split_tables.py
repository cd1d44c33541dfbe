"""The splits of boosted trees by column: which row of the trees' table each value of a column falls into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class NumberSplits:
    """A number column: a row per range between `thresholds`, ascending and infinity at the end, and one for NaN."""

    thresholds: NDArray[np.float64]

    @property
    def row_count(self) -> int:
        """Number of rows."""
        return len(self.thresholds) + 1

    def rows(self, values: NDArray[np.float64]) -> NDArray[np.intp]:
        """The rows of n values, shape (n,); NaN sorts behind infinity."""
        return self.thresholds.searchsorted(values)

    def goes_left(self, _: Any, node: Any) -> NDArray[np.bool_]:
        """Which rows go left at a node; shape (row_count,)."""
        left: NDArray[np.bool_] = np.arange(self.row_count) <= self.thresholds.searchsorted(node["num_threshold"])
        left[-1] = node["missing_go_to_left"]
        return left


@dataclass(frozen=True, slots=True)
class CategorySplits:
    """A category column: a row per code, and one for missing or unknown.

    `values` are the codes as the trees were fitted on them, shape (row_count,), -1 where they count as missing.
    """

    values: NDArray[np.intp]

    @property
    def row_count(self) -> int:
        """Number of rows."""
        return len(self.values)

    def goes_left(self, tree: Any, node: Any) -> NDArray[np.bool_]:
        """Which rows go left at a node of a tree; shape (row_count,)."""
        left = np.unpackbits(tree.raw_left_cat_bitsets[node["bitset_idx"]].view(np.uint8), bitorder="little")
        return np.where(self.values < 0, node["missing_go_to_left"], left[self.values]).astype(np.bool_)


def splits_by_column(
    estimator: Any, trees: Sequence[Any], cardinalities: Sequence[int]
) -> dict[int, NumberSplits | CategorySplits]:
    """The splits of a boosted ensemble, by the column of the matrix that it was fitted on.

    In the order of the trees' own columns: categories come first there.
    """
    inner = np.concatenate([tree.nodes[tree.nodes["is_leaf"] == 0] for tree in trees])
    columns = tree_columns(estimator)
    fitted = estimator._preprocessor.named_transformers_["encoder"].categories_ if estimator._preprocessor else []
    splits: dict[int, NumberSplits | CategorySplits] = {}
    for tree_column in np.unique(inner["feature_idx"]).tolist():
        column = columns[tree_column]
        if tree_column < len(fitted):
            binned = estimator._bin_mapper.bin_thresholds_[tree_column]
            splits[column] = category_splits(cardinalities[column] + 1, fitted[tree_column], binned)
        else:
            splits[column] = number_splits(inner["num_threshold"][inner["feature_idx"] == tree_column])
    return splits


def tree_columns(estimator: Any) -> list[int]:
    """The columns of the matrix, in the order in which the trees number them."""
    if estimator.is_categorical_ is None:
        return list(range(estimator.n_features_in_))
    categorical = np.asarray(estimator.is_categorical_)
    return [*np.flatnonzero(categorical).tolist(), *np.flatnonzero(~categorical).tolist()]


def number_splits(thresholds: NDArray[np.float64]) -> NumberSplits:
    """The ranges between thresholds, which come in any order."""
    return NumberSplits(np.unique(np.append(thresholds, np.inf)))


def category_splits(size: int, fitted: NDArray[np.float64], binned: NDArray[np.float64]) -> CategorySplits:
    """Rows 0 to `size` - 1 of a category column, the last one for missing or unknown.

    The trees were fitted on positions among the `fitted` codes in place of the codes, and have bins for the positions
    `binned`.
    """
    values = np.full(size, -1, dtype=np.intp)
    for position, code in enumerate(fitted):
        if position in binned and code < size - 1:  # not so for NaN, nor where a column without values was fitted as 0
            values[int(code)] = position
    return CategorySplits(values)
