"""Trees as masks: which leaves each value of a column leaves possible, in all trees at once.

An inner node asks about one column, and a column's values fall into few rows that answer all questions about
it alike: the ranges between thresholds, the codes, and what is missing. A row of the table holds for each tree
the leaves that are still possible, one bit each. The rows that the columns of one event fall into, combined by
`and`, leave one bit per tree: the leaf it reaches. After QuickScorer (Lucchese et al., SIGIR 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_LEAVES = 32
"""As many as a mask has bits."""

Leads = Callable[[Any, Any], NDArray[np.bool_]]
"""Of a tree and one of its inner nodes: which rows of the node's column lead left, shape (rows,)."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that trees ask about: its `rows` of the table, and where each of them leads."""

    rows: slice
    leads: Leads


def masks(trees: Sequence[Any], columns: dict[int, Column]) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
    """The table, shape (rows, trees), and the leaves' values from left to right, shape (trees, MAX_LEAVES).

    Raises ValueError for a tree of more leaves than MAX_LEAVES.
    """
    table = np.empty((sum(column.rows.stop - column.rows.start for column in columns.values()), len(trees)), np.uint32)
    values = np.zeros((len(trees), MAX_LEAVES))
    for number, tree in enumerate(trees):
        leaves, splits = _walked(tree.nodes)
        values[number, : len(leaves)] = leaves
        table[:, number] = (1 << len(leaves)) - 1
        for index, kept in splits:
            node = tree.nodes[index]
            column = columns[int(node["feature_idx"])]
            table[column.rows, number] &= kept[column.leads(tree, node).astype(np.intp)]
    return table, values


def _walked(nodes: NDArray[Any]) -> tuple[list[float], list[tuple[int, NDArray[np.uint32]]]]:
    """The leaves' values from left to right, and each inner node with the masks of who goes right and who goes left."""
    leaf, value, left, right = (nodes[name].tolist() for name in ("is_leaf", "value", "left", "right"))
    leaves: list[float] = []
    splits: list[tuple[int, NDArray[np.uint32]]] = []

    def descend(index: int) -> int:
        """Note the leaves below, as one mask."""
        if not leaf[index]:
            lost = np.array([descend(left[index]), descend(right[index])], dtype=np.uint32)
            splits.append((index, ~lost))
            return int(lost.sum())
        if len(leaves) == MAX_LEAVES:
            raise ValueError(f"it has a tree of more than {MAX_LEAVES} leaves")
        leaves.append(value[index])
        return 1 << len(leaves) - 1

    descend(0)
    return leaves, splits


def reached(left: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The numbers of the one bit that is left in each mask: the exponent of that power of two.

    >>> reached(np.array([1, 8, 2**31], dtype=np.uint32)).tolist()
    [0, 3, 31]
    """
    exponents = left.astype(np.float64).view(np.int64)
    exponents >>= 52
    exponents -= 1023
    return exponents
