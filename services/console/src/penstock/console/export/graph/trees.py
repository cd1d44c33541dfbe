"""The families `boosting` and `forest` as graphs: a tree ensemble finds the leaf of each tree, a table its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from penstock.console.export.graph.builder import GraphBuilder
from penstock.console.export.graph.inputs import NoGraph
from penstock.console.export.graph.linear import add_clip, add_two_classes
from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.fused.split_tables import CategorySplits, splits_by_column, tree_columns

LESS_OR_EQUAL, SUM, FLOAT, DOUBLE = 0, 1, 1, 11
MAX_LEAVES = 3_000_000
_NO_LINK, _TWO_CLASSES, _CLASSES = "IdentityLink", "LogitLink", "MultinomialLogit"


@dataclass(frozen=True)
class TreeNodes:
    """A tree: its inner nodes go left where `features` is at most `splits`, or missing and `missing_left`.

    `children` are the left and right nodes, of shape (2, nodes); `values` what each node answers if it is a leaf,
    shape (nodes, k).
    """

    features: NDArray[np.int64]
    splits: NDArray[np.float64]
    missing_left: NDArray[np.int64]
    children: NDArray[np.int64]
    is_leaf: NDArray[np.bool_]
    values: NDArray[np.float64]


def add_boosting(
    graph: GraphBuilder, columns: list[str], codes: dict[int, str], encoder: Encoder, estimator: Any
) -> str:
    """What the estimator gives: probabilities of its classes, [N, k], or numbers, [N, 1].

    Raises:
        NoGraph: the estimator is built otherwise.
    """
    link, k = type(estimator._loss.link).__name__, estimator._baseline_prediction.shape[1]
    if link not in (_NO_LINK, _TWO_CLASSES, _CLASSES):
        raise NoGraph(f"its estimator has a link that has no graph: {link}")
    trees = [tree for of_round in estimator._predictors for tree in of_round]
    asked = _Questions(graph, columns, codes, encoder, estimator)
    nodes = [asked.nodes_of(tree) for tree in trees]
    values = _leaf_values(graph, asked.matrix(), nodes)
    by_class = graph.add("Reshape", values, graph.axes(0, len(trees) // k, k))
    sums = graph.add("ReduceSum", by_class, graph.axes(1), keepdims=0)
    scores = graph.add("Add", sums, graph.constant(np.asarray(estimator._baseline_prediction, dtype=np.float64)))
    if link == _NO_LINK:
        return scores
    return add_two_classes(graph, scores) if link == _TWO_CLASSES else graph.add("Softmax", scores, axis=1)


def add_forest(graph: GraphBuilder, columns: list[str], estimator: Any) -> str:
    """What the estimator gives: probabilities of its classes, [N, k], or numbers, [N, 1]."""
    clipping, forest = estimator["clip"], estimator["learner"]
    matrix = graph.columns(columns)
    scaled = graph.add("Mul", matrix, graph.constant(np.reshape(clipping.scale_, (1, -1))))
    scaled = graph.add("Add", scaled, graph.constant(np.reshape(clipping.min_, (1, -1))))
    rounded = graph.add("Cast", graph.add("Cast", add_clip(graph, scaled), to=FLOAT), to=DOUBLE)  # as trees hold them
    trees = [_forest_nodes(tree.tree_) for tree in forest.estimators_]
    values = _leaf_values(graph, rounded, trees)
    return graph.add("ReduceMean", values, axes=[1], keepdims=0)


def _forest_nodes(tree: Any) -> TreeNodes:
    values = tree.value[:, 0, :]
    return TreeNodes(
        features=tree.feature.astype(np.int64),
        splits=tree.threshold.astype(np.float64),
        missing_left=tree.missing_go_to_left.astype(np.int64),
        children=np.array([tree.children_left, tree.children_right], dtype=np.int64),
        is_leaf=tree.children_left < 0,
        values=values if values.shape[1] == 1 else values / values.sum(axis=1, keepdims=True),
    )


class _Questions:
    """The columns that boosted trees ask for: numbers, and for each set of categories whether one is in it."""

    def __init__(
        self, graph: GraphBuilder, columns: list[str], codes: dict[int, str], encoder: Encoder, estimator: Any
    ) -> None:
        trees = [tree for of_round in estimator._predictors for tree in of_round]
        self._graph, self._columns, self._codes = graph, columns, codes
        self._order = tree_columns(estimator)
        self._splits = splits_by_column(estimator, trees, encoder.cardinalities) if _ask(trees) else {}
        self._sets: dict[int, dict[bytes, int]] = {}
        self._tables: dict[int, list[NDArray[np.bool_]]] = {}
        self._places: dict[tuple[int, int], int] = {}

    def nodes_of(self, predictor: Any) -> TreeNodes:
        """A boosted tree; a question for categories becomes one whether the number of their set's column is 0."""
        nodes = predictor.nodes
        inner = np.flatnonzero(nodes["is_leaf"] == 0)
        features = np.zeros(len(nodes), dtype=np.int64)
        splits = np.zeros(len(nodes))
        for index in inner.tolist():
            node = nodes[index]
            column = self._order[node["feature_idx"]]
            if node["is_categorical"]:
                features[index] = self._place_of_set(column, predictor, node)
                splits[index] = 0.5
            else:
                features[index], splits[index] = column, node["num_threshold"]
        return TreeNodes(
            features=features,
            splits=splits,
            missing_left=nodes["missing_go_to_left"].astype(np.int64),
            children=np.array([nodes["left"], nodes["right"]], dtype=np.int64),
            is_leaf=nodes["is_leaf"] != 0,
            values=nodes["value"].astype(np.float64)[:, None],
        )

    def matrix(self) -> str:
        """All columns, those of sets behind the others."""
        graph, further = self._graph, []
        for column, number in self._places:
            outside = graph.constant((~self._tables[column][number]).astype(np.float64))
            further.append(graph.column(graph.add("Gather", outside, self._codes[column])))
        return graph.columns([*self._columns, *further])

    def _place_of_set(self, column: int, predictor: Any, node: Any) -> int:
        """The column of the set of categories that go left at a node: for each code whether it is outside of it."""
        splits = self._splits[column]
        if not isinstance(splits, CategorySplits) or column not in self._codes:
            raise NoGraph("its trees ask for categories where it has none")
        left = splits.goes_left(predictor, node)
        known = self._sets.setdefault(column, {})
        number = known.setdefault(left.tobytes(), len(known))
        tables = self._tables.setdefault(column, [])
        if number == len(tables):
            tables.append(left)
        return self._places.setdefault((column, number), len(self._columns) + len(self._places))


def _ask(trees: Sequence[Any]) -> bool:
    return any((tree.nodes["is_leaf"] == 0).any() for tree in trees)


def _leaf_values(graph: GraphBuilder, matrix: str, trees: Sequence[TreeNodes]) -> str:
    """The values of the leaves that rows fall into, [N, trees, k].

    Raises:
        NoGraph: the trees have too many leaves for a graph.
    """
    leaves = np.concatenate([tree.values[tree.is_leaf] for tree in trees])
    if len(leaves) > MAX_LEAVES:
        raise NoGraph(f"its trees have {len(leaves):,} leaves, at most {MAX_LEAVES:,} are written")
    numbers = graph.add("TreeEnsemble", matrix, domain="ai.onnx.ml", **_ensemble(trees, len(leaves)))
    return graph.add("Gather", graph.constant(leaves), graph.add("Cast", numbers, to=7))


def _ensemble(trees: Sequence[TreeNodes], leaf_count: int) -> dict[str, Any]:
    """The attributes of an ensemble whose target t is the number of the leaf in tree t."""
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in ("feature", "split", "missing", "true", "false")}
    is_leaf: dict[str, list[NDArray[np.int64]]] = {"true": [], "false": []}
    roots, targets, node_start, leaf_start = [], [], 0, 0
    for number, tree in enumerate(trees):
        roots.append(node_start)
        targets.append(np.full(int(tree.is_leaf.sum()), number))
        inner = np.flatnonzero(~tree.is_leaf)
        at = np.cumsum(~tree.is_leaf) - 1 + node_start
        leaf_at = np.cumsum(tree.is_leaf) - 1 + leaf_start
        places = np.where(tree.is_leaf, leaf_at, at)
        sides = tree.children[:, inner] if len(inner) else np.zeros((2, 1), dtype=np.int64)  # of a leaf alone: itself
        rows = inner if len(inner) else np.zeros(1, dtype=np.int64)
        parts["feature"].append(np.maximum(tree.features[rows], 0))
        parts["split"].append(tree.splits[rows])
        parts["missing"].append(tree.missing_left[rows])
        for name, side in zip(("true", "false"), sides, strict=True):
            parts[name].append(places[side])
            is_leaf[name].append(tree.is_leaf[side].astype(np.int64))
        node_start += len(rows)
        leaf_start += len(targets[-1])
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    return {
        "n_targets": len(trees),
        "aggregate_function": SUM,
        "post_transform": 0,
        "tree_roots": roots,
        "nodes_featureids": joined["feature"].tolist(),
        "nodes_splits": numpy_helper.from_array(joined["split"].astype(np.float64), "splits"),
        "nodes_modes": numpy_helper.from_array(np.full(node_start, LESS_OR_EQUAL, dtype=np.uint8), "modes"),
        "nodes_missing_value_tracks_true": joined["missing"].tolist(),
        "nodes_truenodeids": joined["true"].tolist(),
        "nodes_falsenodeids": joined["false"].tolist(),
        "nodes_trueleafs": np.concatenate(is_leaf["true"]).tolist(),
        "nodes_falseleafs": np.concatenate(is_leaf["false"]).tolist(),
        "leaf_targetids": np.concatenate(targets).tolist(),
        "leaf_weights": numpy_helper.from_array(np.arange(leaf_count, dtype=np.float64), "leaves"),
    }
