"""The best constant answer so far: what every model has to beat, and one of the experts of a blend."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from penstock.ml.metrics.objective import Answers, Objective
from penstock.ml.selection.decision_rule import decided
from penstock.ml.selection.validation_plan import known_rows

PRIOR_WEIGHT = 1.0  # of each class before any label: a class that was never seen still has a probability
CONSTANTS = 20  # times that the constant is worked out anew

Floats = NDArray[np.float64]


def running_constants(
    objective: Objective, labels: Floats, known_at: NDArray[np.intp], rows: NDArray[np.intp]
) -> Answers:
    """What a constant answers to m `rows`, ascending, of n with these labels: the best one for the metric.

    Of classes it answers the likeliest, or where costs are declared that of least expected cost. It knows the labels
    that were known (`known_at`, shape (n,)) at each 20th of the rows.
    """
    blocks = np.array_split(rows, min(CONSTANTS, max(1, len(rows))))
    answers = [_constants(objective, labels[_known_before(known_at, block)], len(block)) for block in blocks]
    values = np.concatenate([each.values for each in answers])
    probabilities = [each.probabilities for each in answers if each.probabilities is not None]
    return Answers(values, np.concatenate(probabilities) if probabilities else None)


def constant_answer(objective: Objective, labels: Floats) -> tuple[float, ...]:
    """The best constant for the metric: probabilities of the classes, or a number, 0 without labels.

    It is the mean for squared errors, and a quantile for absolute ones.
    """
    if objective.classes:
        weights = np.bincount(labels.astype(np.int64), minlength=objective.classes) + PRIOR_WEIGHT
        return tuple((weights / weights.sum()).tolist())
    if not len(labels):
        return (0.0,)
    match objective.metric:
        case "rmse":
            return (float(labels.mean()),)
        case "rmsle":
            return (float(np.expm1(np.log1p(np.maximum(labels, 0.0)).mean())),)
        case _:
            return (float(np.quantile(labels, objective.quantile)),)


def _known_before(known_at: NDArray[np.intp], block: NDArray[np.intp]) -> NDArray[np.intp]:
    return known_rows(known_at, int(block[0]) if len(block) else 0)


def _constants(objective: Objective, labels: Floats, count: int) -> Answers:
    answer = constant_answer(objective, labels)
    if not objective.classes:
        return Answers(np.full(count, answer[0]))
    return decided(np.tile(answer, (count, 1)), objective.costs)
