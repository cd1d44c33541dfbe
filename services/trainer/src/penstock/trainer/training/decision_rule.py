"""The candidate's decision rule, chosen on rows before those that it is judged on."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from penstock.ml.metrics.objective import Floats, Objective
from penstock.ml.models.decision_costs import DecisionCosts, decided_classes
from penstock.ml.models.model import Model, ModelOutput
from penstock.ml.online.blend import Blend
from penstock.ml.selection.cross_validation import FoldOutput
from penstock.ml.selection.decision_rule import decision_costs
from penstock.ml.selection.validation_plan import known_rows

CHOICES = 20  # times that the rule is chosen anew over a holdout that has all rows

AnyModel = TypeVar("AnyModel", bound=Model | Blend)


def with_decision_rule(
    model: AnyModel,
    objective: Objective,
    labels: Floats,
    known_at: NDArray[np.intp],
    outputs: Floats,
    holdout: slice,
    *,
    has_champion: bool,
) -> tuple[AnyModel, FoldOutput]:
    """The model with the rule by which it will answer, and the output for its holdout, answered by such a rule.

    It is chosen once, on the rows before the holdout. Without a champion the holdout has all rows: then it is chosen
    anew on the rows before each 20th of them, and the model gets the last one.

    Args:
        model: trained on all rows.
        objective: of the stream.
        labels: as numbers, shape (n,).
        known_at: the row at which each label was known, shape (n,).
        outputs: of models that had not learnt the rows, shape (n, k), NaN where there is none.
        holdout: the rows that it is judged on.
        has_champion: whether it is compared with a champion.
    """
    if not objective.classes:
        return model, FoldOutput(holdout, ModelOutput(outputs[holdout, 0].tolist()))
    has_output = np.asarray(np.isfinite(outputs).all(axis=1))
    answers: list[NDArray[np.intp]] = []
    costs: DecisionCosts | None = None
    for block in _blocks(holdout, 1 if has_champion else CHOICES):
        known = known_rows(known_at, block.start)
        known = known[has_output[known]]
        costs = decision_costs(objective, labels[known], outputs[known])
        answers.append(decided_classes(outputs[block], costs))
    values = model.class_index.labels(np.concatenate(answers))
    return replace(model, decision_costs=costs), FoldOutput(holdout, ModelOutput(values, outputs[holdout]))


def _blocks(rows: slice, count: int) -> list[slice]:
    edges = np.linspace(rows.start, rows.stop, min(count, max(rows.stop - rows.start, 1)) + 1).astype(int).tolist()
    return [slice(start, stop) for start, stop in pairwise(edges)]
