"""The candidate's decision rule, chosen on rows before those that it is judged on."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from penstock.ml.metrics.objective import Floats, Objective
from penstock.ml.models.decision_costs import decided_classes
from penstock.ml.models.model import Model, ModelOutput
from penstock.ml.online.blend import Blend
from penstock.ml.selection.cross_validation import FoldOutput
from penstock.ml.selection.decision_rule import decision_costs
from penstock.ml.selection.validation_plan import known_rows

AnyModel = TypeVar("AnyModel", bound=Model | Blend)


def with_decision_rule(
    model: AnyModel,
    objective: Objective,
    labels: Floats,
    known_at: NDArray[np.intp],
    outputs: Floats,
    holdout: slice,
) -> tuple[AnyModel, FoldOutput]:
    """The model with the rule by which it will answer, and the output for its holdout, answered by such a rule.

    It is chosen on the rows before the holdout whose labels were known at its first row.

    Args:
        model: trained on all rows.
        objective: of the stream.
        labels: as numbers, shape (n,).
        known_at: the row at which each label was known, shape (n,).
        outputs: of models that had not learnt the rows, shape (n, k), NaN where there is none.
        holdout: the rows that it is judged on.
    """
    if not objective.classes:
        return model, FoldOutput(holdout, ModelOutput(outputs[holdout, 0].tolist()))
    has_output = np.asarray(np.isfinite(outputs).all(axis=1))
    known = known_rows(known_at, holdout.start)
    known = known[has_output[known]]
    costs = decision_costs(objective, labels[known], outputs[known])
    values = model.class_index.labels(decided_classes(outputs[holdout], costs))
    return replace(model, decision_costs=costs), FoldOutput(holdout, ModelOutput(values, outputs[holdout]))
