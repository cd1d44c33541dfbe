"""What the age of a model costs: an older and a newer one on the same outcomes, which neither has learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.records.training import AgeLoss
from penstock.ml.metrics.objective import Answers, Floats, Objective
from penstock.ml.models.decision_costs import DecisionCosts
from penstock.ml.selection.decision_rule import decided

MIN_ROWS = 20
LEAST_ERROR = 0.01  # of the loss: two models may agree by chance
TWO_SIDED = 1.96  # standard errors to the end of a 95 % interval
STRETCHES = 20  # of adjacent rows, whose mean losses stand for each other: losses of neighbours are alike


def generation_losses(
    objective: Objective,
    labels: Floats,
    newer: Floats,
    older: Floats,
    tests: Sequence[slice],
    costs: DecisionCosts | None,
) -> tuple[AgeLoss, ...]:
    """What the model of the first fold loses more than those of later folds, on the tests of these.

    Args:
        objective: of the stream.
        labels: as numbers, shape (n,).
        newer: the outputs of each fold's model for its test, shape (n, k), NaN for a row without one.
        older: those of the first fold's model for the same rows and all after them, shape (n, k).
        tests: of the folds, in the order of time.
        costs: by which the models decide.
    """
    ages = []
    for test in tests[1:]:
        rows = np.arange(test.start, test.stop)
        rows = rows[np.isfinite(newer[rows]).all(axis=1) & np.isfinite(older[rows]).all(axis=1)]
        of_older, of_newer = (_answers(objective, outputs[rows], costs) for outputs in (older, newer))
        ages.append(age_loss(objective, labels[rows], of_older, of_newer, test.start - tests[0].start))
    return tuple(age for age in ages if age is not None)


def age_loss(objective: Objective, labels: Floats, older: Answers, newer: Answers, age: int) -> AgeLoss | None:
    """What the older of two models loses more by an answer to m rows in the order of time; None if they are too few."""
    if len(labels) < MIN_ROWS or not age:
        return None
    newer_losses = objective.losses(labels, newer)
    excess = objective.losses(labels, older) - newer_losses
    error = standard_error(excess)
    return AgeLoss(age=age, excess=float(excess.mean()), error=error, loss=float(newer_losses.mean()), rows=len(labels))


def freshness(ages: Sequence[AgeLoss], outcomes: int) -> float:
    """What a model loses less by an answer than one that is so many outcomes older, at least; 0 if it is not shown to.

    It is the lower end of the 95 % interval of the rate at which an excess loss grows with age, by weighted least
    squares through the origin.

    >>> ages = [AgeLoss(age=100, excess=1.0, error=0.1, loss=1.0, rows=50)]
    >>> round(freshness(ages, 50), 3), freshness(ages, 0), freshness([], 50)
    (0.402, 0.0, 0.0)
    """
    weighted = [(age, 1 / (age.error**2 + (LEAST_ERROR * age.loss) ** 2)) for age in ages if age.age and age.loss > 0]
    precision: float = sum(weight * age.age**2 for age, weight in weighted)
    if not precision:
        return 0.0
    rate = sum(weight * age.age * age.excess for age, weight in weighted) / precision
    return max(rate - TWO_SIDED / sqrt(precision), 0.0) * outcomes


def standard_error(values: Floats) -> float:
    """The standard error of the mean of values of which neighbours may be alike, from the means of stretches of them.

    Source: Law and Kelton, "Simulation Modeling and Analysis" (the method of batch means).

    >>> standard_error(np.array([0.0, 2.0] * 100))
    0.0
    """
    means = np.array([stretch.mean() for stretch in np.array_split(values, min(STRETCHES, len(values)))])
    return float(means.std(ddof=1)) / sqrt(len(means))


def _answers(objective: Objective, outputs: NDArray[np.float64], costs: DecisionCosts | None) -> Answers:
    return decided(outputs, costs) if objective.classes else Answers(outputs[:, 0])
