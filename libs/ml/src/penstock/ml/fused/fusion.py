"""Fuses a model, and uses the fused form only if it gives the estimator's output on probe rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Frame
from penstock.ml.fused.boosting import FusedBoosting
from penstock.ml.fused.linear import FusedLinear
from penstock.ml.fused.probe_rows import probe_rows
from penstock.ml.models.model import FusedForm, Fusion, Model

TOLERANCE = 1e-9

_FORMS: dict[str, Callable[[Encoder, Any], FusedForm]] = {
    "Pipeline": FusedLinear,
    "HistGradientBoostingClassifier": FusedBoosting,
    "HistGradientBoostingRegressor": FusedBoosting,
}


def fuse(model: Model, golden: Frame) -> Model:
    """The model with a fused form that answers for its estimator, or with the reason why it has none.

    The form must give the estimator's output to within 1e-9 of the number and of the largest one, on the golden rows
    and on rows made from them: values missing, categories unknown, numbers beyond those seen and at the edges of the
    form.
    """
    form_class = _FORMS.get(type(model.estimator).__name__)
    if form_class is None:
        return replace(model, fusion=Fusion(None, None, f"no fused form of {type(model.estimator).__name__} is known"))
    try:
        fused = form_class(model.encoder, model.estimator)
        with threadpool_limits(1):
            problem = difference(model, fused, golden)
    except Exception as error:  # an estimator that is built otherwise can fail anywhere in here
        problem = f"{type(error).__name__}: {error}"
    if problem:
        return replace(model, fusion=Fusion(None, None, problem))
    return replace(model, fusion=Fusion(fused, model.estimator))


def difference(model: Model, fused: FusedForm, golden: Frame) -> str | None:
    """The first row where the fused form's output differs from the estimator's, as a message; None if there is none."""
    if not len(golden):
        return "there is no golden row to compare it on"
    rows = probe_rows(golden, model.encoder, fused.edges())
    expected, output = model.estimator_output(rows), fused(rows)
    if expected.shape != output.shape:
        return f"it answers in shape {output.shape}, the original in {expected.shape}"
    atol = TOLERANCE * float(np.abs(expected).max())
    differs = ~np.isclose(output, expected, rtol=TOLERANCE, atol=atol).reshape(len(rows), -1).all(axis=1)
    return f"it answers row {int(np.argmax(differs))} of {len(rows)} otherwise" if differs.any() else None
