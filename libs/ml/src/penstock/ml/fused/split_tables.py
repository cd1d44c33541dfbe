"""What boosted trees ask about a column, and which row of their table each of its values falls into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ranges:
    """A number column: a row per range between `thresholds`, ascending and infinity at the end, and one for NaN."""

    thresholds: NDArray[np.float64]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.thresholds) + 1

    def of(self, values: NDArray[np.float64]) -> NDArray[np.intp]:
        """The rows of n values; NaN sorts behind infinity."""
        return self.thresholds.searchsorted(values)

    def leads(self, _: Any, node: Any) -> NDArray[np.bool_]:
        """Which rows lead left at a node; shape (rows,)."""
        left: NDArray[np.bool_] = np.arange(self.rows) <= self.thresholds.searchsorted(node["num_threshold"])
        left[-1] = node["missing_go_to_left"]
        return left


@dataclass(frozen=True, slots=True)
class Codes:
    """A category column: a row per code, and one for missing or unknown.

    `values` are the codes as the trees were given them, shape (rows,), -1 where they take them for missing.
    """

    values: NDArray[np.intp]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.values)

    def leads(self, tree: Any, node: Any) -> NDArray[np.bool_]:
        """Which rows lead left at a node of a tree; shape (rows,)."""
        chosen = np.unpackbits(tree.raw_left_cat_bitsets[node["bitset_idx"]].view(np.uint8), bitorder="little")
        return np.where(self.values < 0, node["missing_go_to_left"], chosen[self.values]).astype(np.bool_)


def questions(estimator: Any, trees: Sequence[Any], cardinalities: Sequence[int]) -> dict[int, Ranges | Codes]:
    """What the trees of a boosted ensemble ask, by the place of the column in the matrix that it was fitted on.

    In the order of the trees' own columns: categories come first there.
    """
    inner = np.concatenate([tree.nodes[tree.nodes["is_leaf"] == 0] for tree in trees])
    places = tree_columns(estimator)
    fitted = estimator._preprocessor.named_transformers_["encoder"].categories_ if estimator._preprocessor else []
    found: dict[int, Ranges | Codes] = {}
    for column in np.unique(inner["feature_idx"]).tolist():
        place = places[column]
        if column < len(fitted):
            known = estimator._bin_mapper.bin_thresholds_[column]
            found[place] = codes(cardinalities[place] + 1, fitted[column], known)
        else:
            found[place] = ranges(inner["num_threshold"][inner["feature_idx"] == column])
    return found


def tree_columns(estimator: Any) -> list[int]:
    """The places in the matrix of the columns that the trees know by number."""
    if estimator.is_categorical_ is None:
        return list(range(estimator.n_features_in_))
    categorical = np.asarray(estimator.is_categorical_)
    return [*np.flatnonzero(categorical).tolist(), *np.flatnonzero(~categorical).tolist()]


def ranges(thresholds: NDArray[np.float64]) -> Ranges:
    """The ranges that thresholds in any order cut the numbers into."""
    return Ranges(np.unique(np.append(thresholds, np.inf)))


def codes(size: int, fitted: NDArray[np.float64], known: NDArray[np.float64]) -> Codes:
    """Places 0 to `size` - 1 of a category column, the last for missing or unknown.

    The trees were given the position among the `fitted` codes in place of a code, and know the positions `known`.
    """
    values = np.full(size, -1, dtype=np.intp)
    for position, code in enumerate(fitted):
        if position in known and code < size - 1:  # not so for NaN, nor where a column without values was fitted as 0
            values[int(code)] = position
    return Codes(values)
