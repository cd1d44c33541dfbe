"""The weights of classes by which the mean F1 of several classes is highest, found by coordinate ascent."""

from __future__ import annotations

import numpy as np

from penstock.ml.metrics.objective import Answers, Floats, Objective
from penstock.ml.models.decision_costs import DecisionCosts

FACTORS = 2.0 ** np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])  # by which the weight of one class is changed
PASSES = 2
MOST_ROWS = 5_000  # the newest, that weights are chosen on
MIN_CASES = 10  # of a class, whose weight is changed at all
LEAST_GAIN = 0.001  # of F1, for which a weight is changed


def f1_weights(objective: Objective, labels: Floats, probabilities: Floats) -> Floats:
    """Weights of k classes, shape (k,): the class of the largest weighted probability is answered. 1 for most.

    F1 is a mean over classes of ratios of sums over rows, so that the best answer to a row depends on all other rows:
    no rule follows from the probabilities alone. Of two classes it is a threshold; of more, scaled probabilities have
    the same form, and one weight after the other is changed as long as F1 rises (Fan and Lin, 2007).

    Args:
        objective: F1 of k classes.
        labels: codes of the classes, shape (n,).
        probabilities: of models that had not learnt these labels, shape (n, k).
    """
    labels, probabilities = labels[-MOST_ROWS:], probabilities[-MOST_ROWS:]
    weights = np.ones(objective.classes)
    counts = np.bincount(labels.astype(np.int64), minlength=objective.classes)
    best = _f1(objective, labels, probabilities, weights) if len(labels) else 0.0
    for _ in range(PASSES):
        for each in np.flatnonzero(counts >= MIN_CASES):
            tried = [_changed(weights, int(each), factor) for factor in FACTORS]
            scores = [_f1(objective, labels, probabilities, changed) for changed in tried]
            if max(scores) > best + LEAST_GAIN:
                best, weights = max(scores), tried[int(np.argmax(scores))]
    return weights


def costs_of_weights(weights: Floats) -> DecisionCosts | None:
    """The decision costs that answer the class of the largest weighted probability; None where all weigh alike."""
    if (weights == weights[0]).all():
        return None
    costs = np.repeat(weights[:, None], len(weights), axis=1)
    np.fill_diagonal(costs, 0.0)
    return tuple(map(tuple, costs.tolist()))


def _changed(weights: Floats, each: int, factor: float) -> Floats:
    changed = weights.copy()
    changed[each] *= factor
    return changed


def _f1(objective: Objective, labels: Floats, probabilities: Floats, weights: Floats) -> float:
    return objective.score(labels, Answers((probabilities * weights).argmax(axis=1).astype(np.float64)))
