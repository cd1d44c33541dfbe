"""Trees whose nodes stay inside their tree.

scikit-learn's compiled predictors follow node indices without checking them: a crafted one reads
foreign memory, and a circle of nodes never ends.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_BOOSTERS = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")


def check_trees(estimator: Any) -> None:
    """Raise ValueError unless each node of a boosted ensemble leads downwards, within bounds."""
    if type(estimator).__name__ not in _BOOSTERS:
        return
    for predictor in (tree for trees in estimator._predictors for tree in trees):
        nodes = predictor.nodes
        inner = nodes[nodes["is_leaf"] == 0]
        own = np.flatnonzero(nodes["is_leaf"] == 0)
        bitsets = min(len(predictor.raw_left_cat_bitsets), len(predictor.binned_left_cat_bitsets))
        sound = (
            len(nodes) > 0
            and all((inner[side] > own).all() and (inner[side] < len(nodes)).all() for side in ("left", "right"))
            and ((inner["feature_idx"] >= 0) & (inner["feature_idx"] < estimator._n_features)).all()
            and (inner["bitset_idx"][inner["is_categorical"] == 1] < bitsets).all()
        )
        if not sound:
            raise ValueError("a tree has nodes that lead outside it")
