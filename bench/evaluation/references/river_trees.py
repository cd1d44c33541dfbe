"""River's online trees: they learn each label as soon as it is known."""

from __future__ import annotations

import time
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from river.forest import ARFClassifier, ARFRegressor
from river.tree import HoeffdingAdaptiveTreeClassifier, HoeffdingAdaptiveTreeRegressor

from bench.evaluation.references.answers import Answers, ReferencePredictions, answers_without_model
from bench.evaluation.references.feature_matrix import FeatureMatrix
from bench.evaluation.references.label_delay import LabelCutoffs

TREES = 10

Kind = Literal["tree", "forest"]


def predict_online(
    rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int, *, kind: Kind
) -> ReferencePredictions:
    """Answer row after row; before each, learn every label that has become known."""
    del training_delay
    is_regression = rows.task == "regression"
    model = _model(kind, seed, is_regression=is_regression)
    answers, learnt_until, seconds = answers_without_model(rows, cutoffs), 0, 0.0
    for row in range(len(rows)):
        if cutoffs[row] > learnt_until:
            start = time.process_time()
            _learn(model, rows, learnt_until, int(cutoffs[row]), is_regression=is_regression)
            seconds += time.process_time() - start
            learnt_until = int(cutoffs[row])
        if learnt_until:
            _answer(model, rows, row, answers, is_regression=is_regression)
    return ReferencePredictions(answers, training_seconds=seconds)


def _learn(model: Any, rows: FeatureMatrix, start: int, stop: int, *, is_regression: bool) -> None:
    for row in range(start, stop):
        label = rows.labels[row]
        if not np.isnan(label):
            model.learn_one(river_features(rows, row), float(label) if is_regression else int(label))


def _answer(model: Any, rows: FeatureMatrix, row: int, answers: Answers, *, is_regression: bool) -> None:
    """Put the model's answer; where it has none, the answer stays what it is without a model."""
    if is_regression:
        answers.values[row] = model.predict_one(river_features(rows, row))
        return
    probability_of = model.predict_proba_one(river_features(rows, row))
    total = sum(probability_of.values())
    if total > 0:
        answers.probabilities[row] = 0.0
        answers.probabilities[row, list(probability_of)] = [value / total for value in probability_of.values()]
        answers.values[row] = max(probability_of, key=probability_of.__getitem__)


def river_features(rows: FeatureMatrix, row: int) -> dict[int, float]:
    """A row as River takes it, by column: missing values left out, codes of categories as numbers.

    On the rain in Australia the tree reached .814 with numbers and .789 with texts, which split into too many branches.
    """
    values: NDArray[np.float64] = rows.features[row]
    return {column: value for column, value in enumerate(values.tolist()) if value == value}  # noqa: PLR0124 (not NaN)


def _model(kind: Kind, seed: int, *, is_regression: bool) -> Any:
    """River's defaults, except for leaves that predict means: linear ones diverge where inputs are not scaled."""
    if is_regression:
        options: dict[str, Any] = {"leaf_prediction": "mean", "seed": seed}
        return HoeffdingAdaptiveTreeRegressor(**options) if kind == "tree" else ARFRegressor(n_models=TREES, **options)
    return HoeffdingAdaptiveTreeClassifier(seed=seed) if kind == "tree" else ARFClassifier(n_models=TREES, seed=seed)
