"""River's online trees: they learn each label as soon as it is known."""

from __future__ import annotations

import time
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from river.forest import ARFClassifier, ARFRegressor
from river.tree import HoeffdingAdaptiveTreeClassifier, HoeffdingAdaptiveTreeRegressor

from bench.evaluation.references.boosting import ReferencePredictions
from bench.evaluation.references.feature_matrix import FeatureMatrix
from bench.evaluation.references.label_delay import LabelCutoffs, last_known_labels

TREES = 10

Kind = Literal["tree", "forest"]


def predict_online(rows: FeatureMatrix, cutoffs: LabelCutoffs, kind: Kind, seed: int) -> ReferencePredictions:
    """Answer row after row; before each, learn every label that has become known."""
    regression = rows.task == "regression"
    model = _model(kind, seed, regression=regression)
    values = last_known_labels(rows.labels, cutoffs)
    learnt_until, seconds = 0, 0.0
    for row in range(len(rows)):
        if cutoffs[row] > learnt_until:
            start = time.process_time()
            _learn(model, rows, learnt_until, int(cutoffs[row]), regression=regression)
            seconds += time.process_time() - start
            learnt_until = int(cutoffs[row])
        if learnt_until:
            prediction = model.predict_one(river_features(rows, row))
            values[row] = values[row] if prediction is None else prediction
    return ReferencePredictions(values, training_seconds=seconds)


def _learn(model: Any, rows: FeatureMatrix, start: int, stop: int, *, regression: bool) -> None:
    for row in range(start, stop):
        label = rows.labels[row]
        if not np.isnan(label):
            model.learn_one(river_features(rows, row), float(label) if regression else int(label))


def river_features(rows: FeatureMatrix, row: int) -> dict[int, float]:
    """A row as River takes it, by column: missing values left out, codes of categories as numbers.

    On the rain in Australia the tree reached .814 with numbers and .789 with texts, which split into too many branches.
    """
    values: NDArray[np.float64] = rows.features[row]
    return {column: value for column, value in enumerate(values.tolist()) if value == value}  # noqa: PLR0124 (not NaN)


def _model(kind: Kind, seed: int, *, regression: bool) -> Any:
    """River's defaults, except for leaves that predict means: linear ones diverge where inputs are not scaled."""
    if regression:
        options: dict[str, Any] = {"leaf_prediction": "mean", "seed": seed}
        return HoeffdingAdaptiveTreeRegressor(**options) if kind == "tree" else ARFRegressor(n_models=TREES, **options)
    return HoeffdingAdaptiveTreeClassifier(seed=seed) if kind == "tree" else ARFClassifier(n_models=TREES, seed=seed)
