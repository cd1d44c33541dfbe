"""Trees whose nodes stay inside their tree.

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
    """Raise ValueError unless each node of each tree, wherever it stands, leads downwards, within bounds."""
    for part in _parts(estimator):
        kind = type(part).__name__
        sound = True
        if kind in _BOOSTERS:
            sound = all(_sound_boosted(tree, part._n_features) for trees in part._predictors for tree in trees)
        elif kind in _TREES and hasattr(part, "tree_"):  # a forest also holds one that was never grown
            sound = _sound_grown(part.tree_, part.n_features_in_)
        elif kind in _FORESTS:
            sound = type(part.estimators_) is list and all(
                type(tree).__name__ in _TREES and tree.n_features_in_ == part.n_features_in_
                for tree in part.estimators_
            )
        if not sound:
            raise ValueError("a tree has nodes that lead outside it")


def _parts(estimator: Any) -> Iterator[Any]:
    """The estimator and whatever it is made of."""
    waiting, seen = [estimator], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)
        elif type(part).__module__.startswith("sklearn."):
            waiting.extend(getattr(part, "__dict__", {}).values())


def _sound_boosted(predictor: Any, features: int) -> bool:
    nodes = predictor.nodes
    inner = nodes[nodes["is_leaf"] == 0]
    own = np.flatnonzero(nodes["is_leaf"] == 0)
    bitsets = min(len(predictor.raw_left_cat_bitsets), len(predictor.binned_left_cat_bitsets))
    return bool(
        len(nodes) > 0
        and _lead_down(own, inner["left"], inner["right"], len(nodes))
        and _within(inner["feature_idx"], features)
        and (inner["bitset_idx"][inner["is_categorical"] == 1] < bitsets).all()
    )


def _sound_grown(tree: Any, features: int) -> bool:
    if not 0 < tree.node_count == tree.capacity:
        return False
    own = np.flatnonzero(tree.children_left != _LEAF)
    left, right = tree.children_left[own], tree.children_right[own]
    return _lead_down(own, left, right, tree.node_count) and _within(tree.feature[own], features)


def _lead_down(own: Any, left: Any, right: Any, count: int) -> bool:
    return all(bool((side > own).all() and (side < count).all()) for side in (left, right))


def _within(indices: Any, size: int) -> bool:
    return bool((indices >= 0).all() and (indices < size).all())
