"""Windows of one class are no error anywhere, and a class that a model does not have counts as a wrong answer."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isfinite
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ml.metrics import brier, classification_metrics, log_loss
from penstock.ml.metrics.objective import Answers, Objective, ObjectiveMetric
from penstock.ml.models.training_data import TrainingData
from penstock.ml.selection.decision_rule import decided, decision_costs
from penstock.ml.selection.family_selection import select_family

CLASSES = ("a", "b", "c")
OF_NUMBERS = ("rmse", "mae", "pinball", "rmsle")
METRICS = [metric for metric in get_args(ObjectiveMetric) if metric not in OF_NUMBERS]


def objective_of(metric: ObjectiveMetric, classes: int) -> Objective:
    costs = tuple(tuple(float(row != column) for column in range(classes)) for row in range(classes))
    return Objective(metric, classes, costs=costs if metric == "cost" else None)


def probabilities_of(rows: int, classes: int) -> np.ndarray:
    return np.random.default_rng(rows).dirichlet(np.ones(classes), rows)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("rows", [1, 2, 40])
def test_every_objective_takes_windows_of_one_class(metric: ObjectiveMetric, classes: int, rows: int) -> None:
    for only in range(classes):
        objective, labels = objective_of(metric, classes), np.full(rows, float(only))
        old = decided(probabilities_of(rows, classes), None)
        rule = decision_costs(objective, labels, probabilities_of(rows, classes))
        new = decided(probabilities_of(rows, classes), rule)
        assert np.isfinite(objective.losses(labels, new)).all()
        score, interval, gain = (
            objective.score(labels, new),
            objective.interval(labels, new),
            objective.gain(labels, old, new),
        )
        assert isfinite(score) or metric in ("average_precision", "roc_auc", "f1")
        assert not interval.low > interval.high
        assert gain.n == rows


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("classes", [CLASSES[:2], CLASSES])
@given(rows=st.integers(1, 30), only=st.integers(0, 2), answered=st.integers(0, 1))
def test_quality_of_a_block_of_one_class_is_finite(
    classes: tuple[str, ...], rows: int, only: int, answered: int
) -> None:
    label = CLASSES[only]
    metrics = classification_metrics(
        [classes[answered]] * rows, [label] * rows, probabilities_of(rows, len(classes)), classes
    )
    assert metrics["accuracy"].value == float(label == classes[answered])
    assert all(isfinite(metric.value) for metric in metrics.values())


def test_a_label_of_no_class_of_the_model_is_a_loss_and_not_left_out() -> None:
    probabilities = np.array([[0.5, 0.5], [0.5, 0.5]])
    known = classification_metrics(["a", "a"], ["a", "b"], probabilities, CLASSES[:2])
    late = classification_metrics(["a", "a"], ["a", "new"], probabilities, CLASSES[:2])
    assert known["log_loss"].value == pytest.approx(np.log(2))
    assert late["log_loss"].value == pytest.approx((np.log(2) - np.log(1e-15)) / 2)
    assert late["brier"].value == pytest.approx((0.25 + 0.75) / 2)
    assert late["log_loss"].value == pytest.approx(log_loss(["a", "new"], probabilities, CLASSES[:2]))
    assert late["brier"].value == pytest.approx(brier(["a", "new"], probabilities, CLASSES[:2]))


@pytest.mark.parametrize("family", ["linear", "boosting"])
def test_folds_of_one_class_select_a_model_and_a_late_class_is_in_it(mixed, family: str) -> None:
    """The first half of the rows is of one class, of the second half one too; the third class is in the last row."""
    n = len(mixed.frame)
    labels = ["a"] * (n // 2) + ["b"] * (n - n // 2 - 1) + ["late"]
    data = TrainingData(mixed.frame, labels, mixed.fields, "multiclass", classes=["b", "a"])
    selection = select_family([family], data)
    assert not selection.failed
    assert set(selection.scores) == {family}
    halves = select_family([family], replace(data, labels=["a"] * n, task="binary"))
    assert halves.scores[family] == [1.0] * len(halves.scores[family])


def test_no_bounds_where_nothing_can_be_ranked() -> None:
    answers = Answers(np.zeros(20), probabilities_of(20, 2))
    interval = Objective("roc_auc", 2).interval(np.zeros(20), answers)
    assert (interval.low, interval.high) == (-inf, inf)
