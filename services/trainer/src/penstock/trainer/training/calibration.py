"""The candidate's calibration, chosen on rows before those that it is judged on."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from penstock.ml.metrics.objective import Floats
from penstock.ml.models.calibration import calibrated
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.ml.selection.calibration import choose_calibration
from penstock.ml.selection.validation_plan import known_rows

AnyModel = TypeVar("AnyModel", bound=Model | Blend)


def with_calibration(
    model: AnyModel, labels: Floats, known_at: NDArray[np.intp], outputs: Floats, holdout: slice
) -> tuple[AnyModel, Floats]:
    """The model as it will serve, and its outputs calibrated likewise; both unchanged unless that is shown to help.

    It is chosen on the rows before the holdout whose labels were known at its first row. A regression has none.

    Args:
        model: trained on all rows.
        labels: as numbers, shape (n,).
        known_at: the row at which each label was known, shape (n,).
        outputs: of models that had not learnt the rows, shape (n, k), NaN where there is none.
        holdout: the rows that it is judged on.
    """
    if not model.classes:
        return model, outputs
    has_output = np.asarray(np.isfinite(outputs).all(axis=1))
    known = known_rows(known_at, holdout.start)
    calibration = choose_calibration(labels, outputs, known_at, known[has_output[known]])
    return replace(model, calibration=calibration), calibrated(outputs, calibration)
