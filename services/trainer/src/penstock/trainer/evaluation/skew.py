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
    from the outcomes before that offset, in their order. Where older outcomes were left out, they go on from what the
    champion knew; histories by key are not compared without it. Where labels were corrected, the newest ones are used
    here, so that recomputed features may differ from those of the time.
    """
    lags = Lags.of(declaration)
    earlier = rows.earlier
    predicted = np.flatnonzero(rows.learnt_to >= (0 if earlier is None else earlier.learnt_to))
    is_cut = rows.first_offset > 0 and earlier is None and bool(lags.history.keys)
    if not lags.fields or not len(predicted) or is_cut:
        return None
    predicted = predicted[np.argsort(rows.learnt_to[predicted], kind="stable")][-MAX_COMPARED:]
    served = np.column_stack([rows.frame.columns[field.name] for field in lags.fields])[predicted]
    timeline = rows.label_timeline(declaration)
    recomputed = replay_lag_features(lags, timeline, predicted, rows.learnt_to[predicted], earlier)
    equal = np.isclose(served, recomputed, rtol=1e-9, atol=1e-12, equal_nan=True)
    return Skew(rows=len(predicted), differing=int(np.count_nonzero(~equal.all(axis=1))))
