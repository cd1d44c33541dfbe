"""Trees as bit masks: which leaves each value of a column leaves possible, in all trees at once.

An inner node splits on one column, and a column's values fall into few rows that go the same way at every split:
the ranges between thresholds, the codes, and what is missing. A row of the table holds for each tree the leaves
that are still possible, one bit each. The rows that the columns of one event fall into, combined by `and`, leave
one bit per tree: the leaf it reaches. After QuickScorer (Lucchese et al., SIGIR 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_LEAVES = 32
"""As many as a mask has bits."""

GoesLeft = Callable[[Any, Any], NDArray[np.bool_]]
"""From a tree and one of its inner nodes: which rows of the node's column go left, shape (rows,)."""


@dataclass(frozen=True, slots=True)
class SplitColumn:
    """A column that trees split on: its `rows` of the table, and which of them go left at a node."""

    rows: slice
    goes_left: GoesLeft


def leaf_masks(trees: Sequence[Any], columns: dict[int, SplitColumn]) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
    """The table, shape (rows, trees), and the leaves' values from left to right, shape (trees, MAX_LEAVES).

    Raises:
        ValueError: a tree has more than MAX_LEAVES leaves.
    """
    table = np.empty((sum(column.rows.stop - column.rows.start for column in columns.values()), len(trees)), np.uint32)
    values = np.zeros((len(trees), MAX_LEAVES))
    for number, tree in enumerate(trees):
        leaves, splits = _leaves_and_splits(tree.nodes)
        values[number, : len(leaves)] = leaves
        table[:, number] = (1 << len(leaves)) - 1
        for index, remaining in splits:
            node = tree.nodes[index]
            column = columns[int(node["feature_idx"])]
            table[column.rows, number] &= remaining[column.goes_left(tree, node).astype(np.intp)]
    return table, values


def _leaves_and_splits(nodes: NDArray[Any]) -> tuple[list[float], list[tuple[int, NDArray[np.uint32]]]]:
    """The leaves' values from left to right, and each inner node with its masks of leaves for going right and left."""
    leaf, value, left, right = (nodes[name].tolist() for name in ("is_leaf", "value", "left", "right"))
    leaves: list[float] = []
    splits: list[tuple[int, NDArray[np.uint32]]] = []

    def descend(index: int) -> int:
        """Record the nodes from here down, and return the leaves below as one mask."""
        if not leaf[index]:
            below = np.array([descend(left[index]), descend(right[index])], dtype=np.uint32)
            splits.append((index, ~below))
            return int(below.sum())
        if len(leaves) == MAX_LEAVES:
            raise ValueError(f"it has a tree of more than {MAX_LEAVES} leaves")
        leaves.append(value[index])
        return 1 << len(leaves) - 1

    descend(0)
    return leaves, splits


def leaf_positions(masks: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The position of the one bit in each mask: the exponent of that power of two.

    >>> leaf_positions(np.array([1, 8, 2**31], dtype=np.uint32)).tolist()
    [0, 3, 31]
    """
    exponents = masks.astype(np.float64).view(np.int64)
    exponents >>= 52
    exponents -= 1023
    return exponents
