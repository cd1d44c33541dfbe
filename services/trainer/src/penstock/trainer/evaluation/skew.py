"""Training/serving skew: whether the lag features of predictions equal those recomputed from the log."""

from __future__ import annotations

import numpy as np

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import Skew
from penstock.ml.features.lag_features import Lags
from penstock.trainer.data.dataset import TrainingRows
from penstock.trainer.data.lag_replay import replay_lag_features

MAX_COMPARED = 5000  # newest predictions: older ones were compared at earlier trainings


def skew_of(declaration: Declaration, rows: TrainingRows) -> Skew | None:
    """How many of the newest predictions carry other lag features than are recomputed from the log.

    None where there are no lag features, or no prediction states its `learnt_to`. The features of each are recomputed
    from the outcomes before that offset, in their order. Where labels were corrected, the newest ones are used here,
    so that recomputed features may differ from those of the time.
    """
    lags = Lags.of(declaration)
    predicted = np.flatnonzero(rows.learnt_to >= 0)
    if not lags.fields or not len(predicted):
        return None
    predicted = predicted[np.argsort(rows.learnt_to[predicted], kind="stable")][-MAX_COMPARED:]
    served = np.column_stack([rows.frame.columns[field.name] for field in lags.fields])[predicted]
    recomputed = replay_lag_features(lags, rows.label_timeline(declaration), predicted, rows.learnt_to[predicted])
    equal = np.isclose(served, recomputed, rtol=1e-9, atol=1e-12, equal_nan=True)
    return Skew(rows=len(predicted), differing=int(np.count_nonzero(~equal.all(axis=1))))
