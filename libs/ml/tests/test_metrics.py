"""Metrics agree with scikit-learn, and intervals hold what they promise."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from penstock.ml import metrics

CLASSES = {2: ["no", "yes"], 3: ["a", "b", "c"]}
SEEDS = st.integers(0, 10_000)


def answered(seed: int, k: int, n: int = 60) -> tuple[list[str], list[str], np.ndarray]:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(k), n)
    labels = [CLASSES[k][code] for code in random.integers(0, k, n)]
    return labels, [CLASSES[k][code] for code in probabilities.argmax(axis=1)], probabilities


@given(SEEDS, st.sampled_from([2, 3]))
def test_parity_with_scikit_learn(seed: int, k: int) -> None:
    labels, predictions, probabilities = answered(seed, k)
    classes = CLASSES[k]
    how = {"average": "macro"} if k == 3 else {"pos_label": "yes"}
    pairs = [
        (metrics.accuracy(labels, predictions), sk.accuracy_score(labels, predictions)),
        (metrics.f1(labels, predictions, classes), sk.f1_score(labels, predictions, **how)),
        (metrics.precision(labels, predictions, classes), sk.precision_score(labels, predictions, **how)),
        (metrics.recall(labels, predictions, classes), sk.recall_score(labels, predictions, **how)),
        (metrics.log_loss(labels, probabilities, classes), sk.log_loss(labels, probabilities)),
        (
            metrics.auc(labels, probabilities, classes),
            sk.roc_auc_score(
                labels, probabilities[:, 1] if k == 2 else probabilities, multi_class="ovr", labels=classes
            ),
        ),
    ]
    for own, other in pairs:
        assert own == pytest.approx(other, abs=1e-12)


def test_brier_is_half_the_squared_distance() -> None:
    assert metrics.brier(["no", "yes"], np.array([[1.0, 0.0], [0.5, 0.5]]), ["no", "yes"]) == 0.125
    assert metrics.brier(["a"], np.array([[0.0, 1.0, 0.0]]), ["a", "b", "c"]) == 1.0


def test_errors_of_numbers() -> None:
    assert metrics.mae([0.0, 0.0], [3.0, -4.0]) == 3.5
    assert metrics.rmse([0.0, 0.0], [3.0, -4.0]) == sqrt(12.5)


def test_what_the_data_leave_undefined_is_nan() -> None:
    nothing = np.empty((0, 2))
    assert isnan(metrics.accuracy([], []))
    assert isnan(metrics.mae([], []))
    assert isnan(metrics.rmse([], []))
    assert isnan(metrics.log_loss([], nothing, ["a", "b"]))
    assert isnan(metrics.auc(["a"], np.array([[0.5, 0.5]]), ["a", "b"]))


def test_a_certain_error_has_a_finite_log_loss() -> None:
    assert metrics.log_loss(["a"], np.array([[0.0, 1.0]]), ["a", "b"]) < 40


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_intervals_hold_the_truth_as_often_as_they_say(task: str) -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        values = random.random(200) < 0.2 if task == "binary" else random.exponential(2.0, 200)
        found = metrics.interval(task, values.astype(float))
        held += found.low <= (0.8 if task == "binary" else 2.0) <= found.high
    assert 0.91 <= held / 400 <= 0.98


def test_paired_difference_sees_what_separate_intervals_do_not() -> None:
    random = np.random.default_rng(1)
    shared = random.exponential(10.0, 300)
    better = metrics.paired_difference(shared, shared + 0.2 + random.normal(size=300) * 0.1)
    assert better.high < 0
    assert better.n == 300
    assert metrics.interval("regression", shared).high > metrics.interval("regression", shared + 0.2).low


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), min_size=2, max_size=30))
def test_a_paired_difference_is_antisymmetric(pairs: list) -> None:
    a, b = np.array(pairs).T
    there, back = metrics.paired_difference(a, b), metrics.paired_difference(b, a)
    assert (there.mean, there.low, there.high) == (-back.mean, -back.high, -back.low)


def test_one_case_proves_nothing() -> None:
    found = metrics.paired_difference(np.ones(1), np.zeros(1))
    assert (found.mean, found.low, found.high) == (1.0, -np.inf, np.inf)
    with pytest.raises(ValueError, match="the same cases"):
        metrics.paired_difference(np.ones(2), np.ones(1))


def test_the_primary_metric_is_that_of_the_report() -> None:
    assert [metrics.primary_metric(task) for task in ("binary", "multiclass", "regression")] == [
        "accuracy",
        "accuracy",
        "mae",
    ]
