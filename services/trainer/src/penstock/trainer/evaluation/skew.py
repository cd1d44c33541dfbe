"""Training/serving skew: whether what was known when an answer was given is what the log says was known then."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import Skew
from penstock.ml.features.lag_features import LabelHistory, lag_inputs
from penstock.trainer.data.dataset import Rows, lags_of, numbers_of

MOST_COMPARED = 5000  # newest answers: older ones were compared at earlier trainings


def skew_of(declaration: Declaration, rows: Rows) -> Skew | None:
    """Of the newest answers that say how far was learnt, how many carry other known labels than are recomputed.

    None where no labels are features, or nobody was asked. Each answer is recomputed from the outcomes before the offset
    that it names, in their order. Where corrections came, what counts now may differ from what was known then.
    """
    lags = lags_of(declaration)
    asked = np.flatnonzero(rows.learnt_to >= 0)
    if not lags.fields or not len(asked):
        return None
    asked = asked[np.argsort(rows.learnt_to[asked], kind="stable")][-MOST_COMPARED:]
    served = np.column_stack([rows.frame.columns[field.name] for field in lags.fields])[asked]
    alike = np.isclose(served, _recomputed(declaration, rows, asked), rtol=1e-9, atol=1e-12, equal_nan=True)
    return Skew(rows=len(asked), differing=int(np.count_nonzero(~alike.all(axis=1))))


def _recomputed(declaration: Declaration, rows: Rows, asked: NDArray[np.intp]) -> NDArray[np.float64]:
    """What was known of the rows `asked`, which are in the order of how far was learnt; shape (n, d)."""
    known, numbers = LabelHistory(lags_of(declaration)), numbers_of(declaration, rows.labels)
    told, following, inputs = np.argsort(rows.offsets, kind="stable"), 0, lag_inputs(rows.frame, known.lags).tolist()
    found = np.empty((len(asked), len(known.lags.fields)))
    for place, row in enumerate(asked):
        while following < len(told) and rows.offsets[told[following]] < rows.learnt_to[row]:
            at = told[following]
            known.take(rows.entities[at], float(numbers[at]), inputs[at])
            following += 1
        found[place] = known.features([rows.entities[row]])[0]
    return found
