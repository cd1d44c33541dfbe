"""The effects of boosted trees and of forests: their Shapley values by `path_shapley`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.explanation.effects import Effects
from penstock.ml.explanation.path_shapley import TreeNodes, path_shapley
from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.fused.split_tables import CategorySplits, splits_by_column, tree_columns

Floats = NDArray[np.float64]

_LINKS = {"IdentityLink", "LogitLink", "MultinomialLogit"}


def boosting_effects(encoder: Encoder, estimator: Any, row: Floats) -> Effects:
    """The effects of histogram boosting on its raw scores for one row of the encoder's matrix, shape (d,).

    There is one score of the second of two classes, or one for each class or number.

    Raises:
        LookupError, AttributeError, TypeError, ValueError: the estimator is built otherwise.
    """
    if type(estimator._loss.link).__name__ not in _LINKS:
        raise ValueError("its scores are neither numbers nor log odds")
    k = estimator._baseline_prediction.shape[1]
    all_trees = [tree for of_round in estimator._predictors for tree in of_round]
    splits = splits_by_column(estimator, all_trees, encoder.cardinalities)
    columns = tree_columns(estimator)
    base, added = np.array(estimator._baseline_prediction[0], dtype=np.float64), np.zeros((len(row), k))
    for score in range(k):
        trees = (_boosted_nodes(of_round[score], columns, splits, row) for of_round in estimator._predictors)
        mean, of_columns = path_shapley(trees, len(row))
        base[score] += mean[0]
        added[:, score] = of_columns[:, 0]
    return Effects.exact(encoder.names, base, added)


def forest_effects(encoder: Encoder, estimator: Any, row: Floats) -> Effects:
    """The effects of a forest behind a scaler on its numbers or class probabilities for one row, shape (d,).

    Raises:
        LookupError, AttributeError, TypeError, ValueError: the estimator is built otherwise.
    """
    scaled = estimator["clip"].transform(row[None])[0].astype(np.float32)
    forest = estimator["learner"].estimators_
    base, added = path_shapley((_forest_nodes(tree.tree_, scaled) for tree in forest), len(row))
    return Effects.exact(encoder.names, base / len(forest), added / len(forest))


def _boosted_nodes(tree: Any, columns: list[int], splits: dict[int, Any], row: Floats) -> TreeNodes:
    nodes = tree.nodes
    column = np.array(columns, dtype=np.intp)[nodes["feature_idx"]]
    values = row[column]
    goes_left = np.where(np.isnan(values), nodes["missing_go_to_left"], values <= nodes["num_threshold"]).astype(bool)
    for index in np.flatnonzero(nodes["is_categorical"] & ~nodes["is_leaf"].astype(bool)):
        split, code = splits[int(column[index])], values[index]
        assert isinstance(split, CategorySplits)
        level = split.row_count - 1 if np.isnan(code) else int(code)
        goes_left[index] = split.goes_left(tree, nodes[index])[level]
    return TreeNodes(
        nodes["left"],
        nodes["right"],
        column,
        nodes["is_leaf"].astype(bool),
        goes_left,
        nodes["count"].astype(np.float64),
        nodes["value"][:, None],
    )


def _forest_nodes(tree: Any, row: NDArray[np.float32]) -> TreeNodes:
    is_leaf = tree.children_left < 0
    values = row[np.where(is_leaf, 0, tree.feature)]
    goes_left = np.where(np.isnan(values), tree.missing_go_to_left, values <= tree.threshold).astype(bool)
    return TreeNodes(
        tree.children_left,
        tree.children_right,
        tree.feature,
        is_leaf,
        goes_left,
        tree.weighted_n_node_samples,
        tree.value[:, 0, :],
    )
