"""The references by name: how each answers every row of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

from bench.evaluation.references.answers import ReferencePredictions
from bench.evaluation.references.feature_matrix import FeatureMatrix
from bench.evaluation.references.label_delay import label_cutoffs, lag_features

CALENDARS = {46: 50, 19: 20}
"""About how many trainings a calendar has, by name: one each 50th, or 20th, part of the file, after its first tenth."""

ORACLE_TRAININGS = 19


@dataclass(frozen=True)
class Reference:
    """A way to answer.

    Attributes:
        module: of this folder.
        function: of the module: a `PredictAll` that takes the options, too.
        options: by name.
        has_lags: whether the last known labels are features, too.
        is_batch_trained: its models are trained apart, so that they may take effect late.
    """

    module: str
    function: str
    options: Mapping[str, Any] = field(default_factory=dict)
    has_lags: bool = False
    is_batch_trained: bool = True

    def predict(self, rows: FeatureMatrix, label_delay: int, training_delay: int, seed: int) -> ReferencePredictions:
        """Answer all rows; labels are known `label_delay` rows late, models serve `training_delay` rows late."""
        cutoffs = label_cutoffs(len(rows), label_delay)
        if self.has_lags:
            rows = rows.with_columns(lag_features(rows.labels, cutoffs))
        predict_all = getattr(import_module(f"{__package__}.{self.module}"), self.function)
        predictions: ReferencePredictions = predict_all(rows, cutoffs, training_delay, seed, **self.options)
        return predictions


_CALENDARS = {
    f"calendar-{times}-{'tenth' if has_window else 'all'}": Reference(
        "calendars", "train_on_calendar", {"step_divisor": step_divisor, "has_window": has_window}
    )
    for times, step_divisor in CALENDARS.items()
    for has_window in (False, True)
}
_FOREST = Reference("river_trees", "predict_online", {"kind": "forest"}, is_batch_trained=False)

REFERENCES: Mapping[str, Reference] = {
    "last": Reference("answers", "predict_last", is_batch_trained=False),
    "static": Reference("calendars", "train_once"),
    "linear": Reference("calendars", "train_on_calendar", {"step_divisor": CALENDARS[19], "family": "linear"}),
    "tree": Reference("river_trees", "predict_online", {"kind": "tree"}, is_batch_trained=False),
    "calendar-46-all": _CALENDARS["calendar-46-all"],
    "oracle": Reference(
        "retraining_oracle",
        "predict_by_oracle",
        {"step_divisor": CALENDARS[46], "trainings": ORACLE_TRAININGS},
    ),
    "cara": Reference("cara", "predict_by_cara"),
    "regol": Reference("regol", "predict_by_regol"),
    **_CALENDARS,
    **{f"{name}-lags": replace(calendar, has_lags=True) for name, calendar in _CALENDARS.items()},
    "forest": _FOREST,
    "forest-lags": replace(_FOREST, has_lags=True),
}
"""In the order in which they are run: the oracle after the calendar whose models it shares, the slow ones last."""
