"""The references by name: how each answers every row of a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bench.evaluation.references.boosting import ReferencePredictions, train_on_calendar, train_once
from bench.evaluation.references.feature_matrix import FeatureMatrix
from bench.evaluation.references.label_delay import LabelCutoffs, label_cutoffs, lag_features, last_known_labels
from bench.evaluation.references.river_trees import Kind, predict_online

CALENDARS = (46, 19)  # trainings
WINDOW_DIVISOR = 10  # a calendar with a window learns from the last tenth of as many rows as the file has

Predict = Callable[[FeatureMatrix, LabelCutoffs, int, int], ReferencePredictions]
"""Answers all rows, from the labels known at each; then the training delay in rows, and a seed."""


@dataclass(frozen=True)
class Reference:
    """A way to answer. `is_batch_trained`: its models are trained apart, so that they may take effect late."""

    predict: Predict
    is_batch_trained: bool = False


def predict_by_reference(
    name: str, rows: FeatureMatrix, label_delay: int, training_delay: int, seed: int
) -> ReferencePredictions:
    """The reference's answers; labels are known `label_delay` rows late, models serve `training_delay` rows late."""
    return REFERENCES[name].predict(rows, label_cutoffs(len(rows), label_delay), training_delay, seed)


def _last(rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int) -> ReferencePredictions:
    del training_delay, seed
    return ReferencePredictions(last_known_labels(rows.labels, cutoffs))


def _calendar(
    rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int, *, times: int, has_window: bool
) -> ReferencePredictions:
    window = len(rows) // WINDOW_DIVISOR if has_window else None
    return train_on_calendar(rows, cutoffs, training_delay, seed, times=times, window=window)


def _online(
    rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int, *, kind: Kind
) -> ReferencePredictions:
    del training_delay
    return predict_online(rows, cutoffs, kind, seed)


def _with_lags(reference: Reference) -> Reference:
    def predict(rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int) -> ReferencePredictions:
        return reference.predict(
            rows.with_columns(lag_features(rows.labels, cutoffs)), cutoffs, training_delay, seed
        )  # fmt: skip

    return Reference(predict, reference.is_batch_trained)


_CALENDARS = {
    f"calendar-{times}-{'tenth' if has_window else 'all'}": Reference(
        partial(_calendar, times=times, has_window=has_window), is_batch_trained=True
    )
    for times in CALENDARS
    for has_window in (False, True)
}
_FOREST = Reference(partial(_online, kind="forest"))

REFERENCES: Mapping[str, Reference] = {
    "last": Reference(_last),
    "static": Reference(train_once, is_batch_trained=True),
    **_CALENDARS,
    **{f"{name}-lags": _with_lags(calendar) for name, calendar in _CALENDARS.items()},
    "tree": Reference(partial(_online, kind="tree")),
    "forest": _FOREST,
    "forest-lags": _with_lags(_FOREST),
}
