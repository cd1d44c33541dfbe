"""Whether a model fits the declaration of the stream that it is to serve."""

from __future__ import annotations

from penstock.contracts.declaration.stream import Declaration, FieldDeclaration
from penstock.ml.features.frame import Field, Kind
from penstock.ml.features.lag_features import Lags
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend


def schema_mismatch(model: Model | Blend, declaration: Declaration) -> str | None:
    """Why the model does not fit the stream, None when it does.

    It must do the stream's task, need no other inputs than declared features of their declared kind, and answer no
    other classes than declared ones, unless the stream accepts new classes.
    """
    if model.task != declaration.task:
        return f"it answers a {model.task} task, the stream's is {declaration.task}"
    if isinstance(model, Blend) and model.lags != Lags.of(declaration):
        return "it needs other lag features than the stream declares"
    for field in model.encoder.fields:
        mismatch = _field_mismatch(field, declaration.features.get(field.name))
        if mismatch:
            return f"it needs the field {field.name!r}, {mismatch}"
    undeclared = sorted(set(model.classes) - set(declaration.label.classes))
    if undeclared and declaration.label.new_classes == "refuse":
        return f"it answers classes that the stream does not declare: {', '.join(undeclared[:5])}"
    return None


def _field_mismatch(needed: Field, declared: FieldDeclaration | None) -> str | None:
    if declared is None:
        return "which is no feature of the stream"
    kind: Kind = "category" if declared.type == "category" else "number"
    return None if kind == needed.kind else f"as a {needed.kind}; the stream's is a {kind}"
