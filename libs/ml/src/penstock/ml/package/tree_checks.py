"""Checks that the nodes of decision trees stay inside their tree.

scikit-learn's compiled predictors follow node indices without checking them: a crafted one reads
foreign memory, and a circle of nodes never ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

_BOOSTERS = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
_FORESTS = ("RandomForestClassifier", "RandomForestRegressor")
_TREES = ("DecisionTreeClassifier", "DecisionTreeRegressor")
_LEAF = -1


def check_trees(estimator: Any) -> None:
    """Raise ValueError unless each node of each tree, wherever it is in the estimator, leads down and within bounds."""
    for part in parts_of(estimator):
        kind = type(part).__name__
        sound = True
        if kind in _BOOSTERS:
            sound = all(_is_sound_boosting(tree, part._n_features) for trees in part._predictors for tree in trees)
        elif kind in _TREES and hasattr(part, "tree_"):  # a forest also holds one that was never grown
            sound = _is_sound_tree(part.tree_, part.n_features_in_)
        elif kind in _FORESTS:
            sound = type(part.estimators_) is list and all(
                type(tree).__name__ in _TREES and tree.n_features_in_ == part.n_features_in_
                for tree in part.estimators_
            )
        if not sound:
            raise ValueError("a tree has nodes that lead outside it")


def parts_of(estimator: Any) -> Iterator[Any]:
    """The estimator and whatever it is made of."""
    stack, seen = [estimator], set()
    while stack:
        part = stack.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, dict):
            stack.extend(part.values())
        elif isinstance(part, list | tuple):
            stack.extend(part)
        elif type(part).__module__.startswith("sklearn."):
            stack.extend(getattr(part, "__dict__", {}).values())


def _is_sound_boosting(predictor: Any, features: int) -> bool:
    nodes = predictor.nodes
    inner = nodes[nodes["is_leaf"] == 0]
    indices = np.flatnonzero(nodes["is_leaf"] == 0)
    bitsets = min(len(predictor.raw_left_cat_bitsets), len(predictor.binned_left_cat_bitsets))
    return bool(
        len(nodes) > 0
        and _lead_down(indices, inner["left"], inner["right"], len(nodes))
        and _within(inner["feature_idx"], features)
        and (inner["bitset_idx"][inner["is_categorical"] == 1] < bitsets).all()
    )


def _is_sound_tree(tree: Any, features: int) -> bool:
    if not 0 < tree.node_count == tree.capacity:
        return False
    indices = np.flatnonzero(tree.children_left != _LEAF)
    left, right = tree.children_left[indices], tree.children_right[indices]
    return _lead_down(indices, left, right, tree.node_count) and _within(tree.feature[indices], features)


def _lead_down(indices: Any, left: Any, right: Any, count: int) -> bool:
    return all(bool((child > indices).all() and (child < count).all()) for child in (left, right))


def _within(indices: Any, size: int) -> bool:
    return bool((indices >= 0).all() and (indices < size).all())
