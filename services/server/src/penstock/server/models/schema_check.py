"""Whether a model fits the stream that it is to answer."""

from __future__ import annotations

from penstock.contracts.declaration.stream import Declaration, FieldDeclaration
from penstock.ml.features.frame import Field, Kind
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.server.learning.outcome_state import lags_of


def misfit(model: Model | Blend, declaration: Declaration) -> str | None:
    """What is wrong with the model for this stream, None when it fits.

    It must do the stream's task, need nothing but declared features of their declared kind, and answer nothing but
    declared classes, unless the stream takes new ones.
    """
    if model.task != declaration.task:
        return f"it answers a {model.task} task, the stream's is {declaration.task}"
    if isinstance(model, Blend) and model.lags != lags_of(declaration):
        return "it wants other lags than the stream declares"
    for field in model.encoder.fields:
        problem = _field_problem(field, declaration.features.get(field.name))
        if problem:
            return f"it wants the field {field.name!r}, {problem}"
    unknown = sorted(set(model.classes) - set(declaration.label.classes))
    if unknown and declaration.label.new_classes == "refuse":
        return f"it answers classes that the stream does not declare: {', '.join(unknown[:5])}"
    return None


def _field_problem(wanted: Field, declared: FieldDeclaration | None) -> str | None:
    if declared is None:
        return "which is no feature of the stream"
    kind: Kind = "category" if declared.type == "category" else "number"
    return None if kind == wanted.kind else f"as a {wanted.kind}; the stream's is a {kind}"
