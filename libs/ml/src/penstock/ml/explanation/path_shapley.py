"""Shapley values of decision trees, exact, by the rows that training sent along each path.

What a tree would say of a row of which some columns are unknown is the mean over both branches where it asks one of
those, weighted by the training rows that went there: Lundberg and others, "From local explanations to global
understanding with explainable AI for trees", 2020 (`tree_path_dependent` in shap). For one leaf this is a product over
the columns on its path: of 1 or 0 for a column that is known, whether the row goes on towards the leaf; of the share of
training rows that do, for one that is not. A Shapley value is an integral over such products (Owen, "Multilinear
extensions of games", 1972), and one over a polynomial, which Gauss-Legendre quadrature gives exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TreeNodes:
    """A tree of m nodes, and which way one row goes at each, all of shape (m,).

    `left` and `right` are the children of a node, `column` what it asks; `is_leaf` says whether it has any.
    `goes_left` is the row's way, `cover` the weight of the training rows there; `values`, (m, k), what leaves say.
    """

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    column: NDArray[np.intp]
    is_leaf: NDArray[np.bool_]
    goes_left: NDArray[np.bool_]
    cover: Floats
    values: Floats


def path_shapley(trees: Iterable[TreeNodes], columns: int) -> tuple[Floats, Floats]:
    """What trees say on average, shape (k,), and what each column adds to it for the row, shape (columns, k).

    The two sum up to what the trees say of the row.

    >>> whole = np.array([True, False, False])
    >>> tree = TreeNodes(*np.array([[1, 0, 0], [2, 0, 0], [0, 0, 0]]), ~whole, whole, np.array([4.0, 1.0, 3.0]),
    ...     np.array([[0.0], [8.0], [4.0]]))
    >>> [part.tolist() for part in path_shapley([tree], 2)]
    [[5.0], [[3.0], [0.0]]]
    """
    values, paths = [], []
    for tree in trees:
        for leaf, path in _paths(tree):
            values.append(tree.values[leaf])
            paths.append(path)
    depth = max(map(len, paths))
    owners = np.zeros((len(paths), depth), dtype=np.intp)
    known, unknown = np.ones((2, len(paths), depth))  # what is behind the end of a path changes nothing
    for row, path in enumerate(paths):
        for place, (column, (goes, share)) in enumerate(path.items()):
            owners[row, place], known[row, place], unknown[row, place] = column, goes, share
    leaves = np.array(values)
    added = np.zeros((columns, leaves.shape[1]))
    np.add.at(added, owners, (_marginal_products(known, unknown))[..., None] * leaves[:, None])
    return unknown.prod(axis=1) @ leaves, added


def _paths(tree: TreeNodes) -> Iterable[tuple[int, dict[int, tuple[bool, float]]]]:
    """Each leaf with the columns on its path: whether the row goes on towards it, and the share of all rows that do."""
    left, right, column, cover = tree.left.tolist(), tree.right.tolist(), tree.column.tolist(), tree.cover.tolist()
    goes_left, is_leaf = tree.goes_left.tolist(), tree.is_leaf.tolist()
    stack: list[tuple[int, dict[int, tuple[bool, float]]]] = [(0, {})]
    while stack:
        node, path = stack.pop()
        if is_leaf[node]:
            yield node, path
            continue
        goes, share = path.get(column[node], (True, 1.0))
        for child, is_way in ((left[node], goes_left[node]), (right[node], not goes_left[node])):
            on_path = (goes and is_way, share * cover[child] / cover[node])
            stack.append((child, {**path, column[node]: on_path}))


def _marginal_products(known: Floats, unknown: Floats) -> Floats:
    """What a column adds to the product of its path, on average over the orders in which columns become known."""
    points, weights = np.polynomial.legendre.leggauss(known.shape[1] // 2 + 1)
    result = np.zeros_like(known)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        factors = point * known + (1 - point) * unknown
        result += weight * factors.prod(axis=1, keepdims=True) / factors
    return result * (known - unknown)
