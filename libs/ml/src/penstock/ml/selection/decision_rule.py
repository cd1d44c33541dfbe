"""The decision rule that follows from an objective: as costs, by which the class of least expected cost is answered."""

from __future__ import annotations

import numpy as np

from penstock.ml.metrics.objective import Answers, Floats, Objective
from penstock.ml.models.decision_costs import DecisionCosts, decided_classes
from penstock.ml.selection.class_weights import costs_of_weights, f1_weights

MIN_POSITIVES = 10  # that a threshold for F1 is chosen on; with fewer the likeliest class is answered


def decision_costs(objective: Objective, labels: Floats, probabilities: Floats) -> DecisionCosts | None:
    """The rule that is best for the objective on n labelled rows; None for the likeliest class.

    Costs are those declared. For F1 of two classes they are those of the threshold with the highest F1, of more
    those of the weights of classes with the highest; for balanced accuracy a wrong answer costs the inverse of its true
    class's frequency.

    Args:
        objective: of k classes.
        labels: codes of the classes, shape (n,).
        probabilities: of models that had not learnt these labels, shape (n, k).
    """
    match objective.metric:
        case "cost":
            return objective.costs
        case "balanced_accuracy":
            return _balanced(labels, objective.classes)
        case "f1" if objective.classes == 2:
            return _of_threshold(objective, labels, probabilities)
        case "f1":
            return costs_of_weights(f1_weights(objective, labels, probabilities))
        case _:
            return None


def decided(probabilities: Floats, costs: DecisionCosts | None) -> Answers:
    """The answers to n rows by their probabilities, shape (n, k)."""
    return Answers(decided_classes(probabilities, costs).astype(np.float64), probabilities)


def f1_threshold(is_positive: Floats, scores: Floats) -> float:
    """Above which of n scores answers are positive where F1 is highest: halfway to the next lower score.

    >>> f1_threshold(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.05, 0.1, 0.2, 0.3]))
    0.15
    """
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(is_positive[order])
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + is_positive.sum())
    lower = np.append(ranked[1:], 0.0)
    f1[lower == ranked] = -1.0  # equal scores are answered alike
    best = int(f1.argmax())
    return round(float(ranked[best] + lower[best]) / 2, 12)


def _of_threshold(objective: Objective, labels: Floats, probabilities: Floats) -> DecisionCosts | None:
    is_positive = (labels == objective.positive).astype(np.float64)
    if is_positive.sum() < MIN_POSITIVES:
        return None
    threshold = f1_threshold(is_positive, probabilities[:, objective.positive])
    if objective.positive == 1:
        return ((0.0, threshold), (1 - threshold, 0.0))
    return ((0.0, 1 - threshold), (threshold, 0.0))


def _balanced(labels: Floats, classes: int) -> DecisionCosts | None:
    if not len(labels):
        return None
    counts = np.bincount(labels.astype(np.int64), minlength=classes) + 1.0  # so that a class never seen has a weight
    weights = counts.sum() / (classes * counts)
    return costs_of_weights(weights)
