"""Histogram boosting trained once, or on a calendar: what is common without a loop.

scikit-learn's, with its defaults; a regression minimises the absolute error, which is its score.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bench.evaluation.references.feature_matrix import FeatureMatrix, Labels, Matrix
from bench.evaluation.references.label_delay import LabelCutoffs, last_known_labels
from penstock.console.replay.report.scores import WARMUP

MIN_LABELS = 20  # with fewer known labels no model is trained


@dataclass(frozen=True, eq=False)
class ReferencePredictions:
    """A reference's answer to each row, shape (n,); how many models it trained, and CPU seconds of learning."""

    values: NDArray[np.float64]
    retrains: int = 0
    training_seconds: float = 0.0


def train_once(rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int) -> ReferencePredictions:
    """Train once, at the first row that counts, on all labels known then."""
    return _train_at(rows, cutoffs, [int(WARMUP * len(rows))], None, training_delay, seed)


def train_on_calendar(
    rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int, *, times: int, window: int | None
) -> ReferencePredictions:
    """Train `times` times, evenly over the file, on the last `window` labels known then (None: on all)."""
    return _train_at(rows, cutoffs, calendar_rows(len(rows), times), window, training_delay, seed)


def calendar_rows(count: int, times: int) -> list[int]:
    """The rows at which a calendar trains.

    >>> calendar_rows(100, 3)
    [25, 50, 75]
    """
    return [count * number // (times + 1) for number in range(1, times + 1)]


def _train_at(
    rows: FeatureMatrix,
    cutoffs: LabelCutoffs,
    training_rows: Sequence[int],
    window: int | None,
    training_delay: int,
    seed: int,
) -> ReferencePredictions:
    """A model answers from `training_delay` rows after its training row; before the first, the last known label."""
    values, start, trained = last_known_labels(rows.labels, cutoffs), time.process_time(), 0
    ends = [*(row + training_delay for row in training_rows[1:]), len(rows)]
    for row, end in zip(training_rows, ends, strict=True):
        answered_rows = slice(row + training_delay, end)
        labelled_rows = _last_labelled(rows.labels[: int(cutoffs[row])], window)
        if len(values[answered_rows]) and len(labelled_rows) >= MIN_LABELS:
            values[answered_rows] = _fit_and_predict(rows, labelled_rows, rows.features[answered_rows], seed)
            trained += 1
    return ReferencePredictions(values, trained, time.process_time() - start)


def _last_labelled(labels: Labels, window: int | None) -> NDArray[np.int64]:
    labelled_rows = np.flatnonzero(~np.isnan(labels))
    return labelled_rows if window is None else labelled_rows[-window:]


def _fit_and_predict(
    rows: FeatureMatrix, training_rows: NDArray[np.int64], features: Matrix, seed: int
) -> NDArray[np.float64]:
    training_features, labels = rows.features[training_rows], rows.labels[training_rows]
    if rows.task != "regression" and len(np.unique(labels)) == 1:
        return np.full(len(features), labels[0])
    has_values = ~np.isnan(training_features).all(axis=0)
    with threadpool_limits(1):
        model = _model(rows, rows.categorical[has_values], seed).fit(training_features[:, has_values], labels)
        predictions: NDArray[np.float64] = model.predict(features[:, has_values])
    return predictions


def _model(rows: FeatureMatrix, categorical: NDArray[np.bool_], seed: int) -> Any:
    if rows.task == "regression":
        return HistGradientBoostingRegressor(loss="absolute_error", categorical_features=categorical, random_state=seed)
    return HistGradientBoostingClassifier(categorical_features=categorical, random_state=seed)
