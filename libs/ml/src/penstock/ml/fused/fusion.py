"""Fusing a model, and trusting the fused form no further than it answers as the original does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from penstock.ml.features.encoding import Encoder
from penstock.ml.features.frame import Frame
from penstock.ml.fused.boosting import FusedBoosting
from penstock.ml.fused.linear import FusedLinear
from penstock.ml.fused.probe_rows import probes
from penstock.ml.models.model import Form, Fused, Model

TOLERANCE = 1e-9

_FORMS: dict[str, Callable[[Encoder, Any], Fused]] = {
    "Pipeline": FusedLinear,
    "HistGradientBoostingClassifier": FusedBoosting,
    "HistGradientBoostingRegressor": FusedBoosting,
}


def fuse(model: Model, golden: Frame) -> Model:
    """The model with a fused form that answers for its estimator, or with the reason why it has none.

    The form must give the estimator's answers to within 1e-9, absolute and relative, on the golden rows and on rows made
    from them: values missing, categories unknown, numbers beyond what was seen and at the edges of the form.
    """
    made = _FORMS.get(type(model.estimator).__name__)
    if made is None:
        return replace(model, form=Form(None, None, f"no fused form of {type(model.estimator).__name__} is known"))
    try:
        fused = made(model.encoder, model.estimator)
        with threadpool_limits(1):
            problem = difference(model, fused, golden)
    except Exception as error:  # an estimator made otherwise than expected can fail anywhere in here
        problem = f"{type(error).__name__}: {error}"
    if problem:
        return replace(model, form=Form(None, None, problem))
    return replace(model, form=Form(fused, model.estimator))


def difference(model: Model, fused: Fused, golden: Frame) -> str | None:
    """Where the fused form answers otherwise than the model's estimator, None when it does nowhere."""
    if not len(golden):
        return "there is no golden row to compare it on"
    rows = probes(golden, model.encoder, fused.edges())
    expected, found = model.asked(rows), fused(rows)
    if expected.shape != found.shape:
        return f"it answers in shape {found.shape}, the original in {expected.shape}"
    apart = ~np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE).reshape(len(rows), -1).all(axis=1)
    return f"it answers row {int(np.argmax(apart))} of {len(rows)} otherwise" if apart.any() else None
