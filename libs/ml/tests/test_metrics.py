"""Metrics agree with scikit-learn, and intervals hold what they promise."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
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


def shuffled(seed: int, k: int) -> tuple[list[str], list[str], np.ndarray]:
    """Answers that are right more often than by chance, with probabilities that are right about that."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(k, 0.7), 100)
    codes = np.array([random.choice(k, p=row) for row in probabilities])
    classes = CLASSES[k]
    return [classes[code] for code in codes], [classes[code] for code in probabilities.argmax(axis=1)], probabilities


@given(SEEDS, st.sampled_from([2, 3]))
def test_all_metrics_at_once_are_the_single_ones(seed: int, k: int) -> None:
    labels, answers, probabilities = shuffled(seed, k)
    classes, found = CLASSES[k], metrics.classification_metrics(answers, labels, probabilities, CLASSES[k])
    assert found["accuracy"].value == pytest.approx(metrics.accuracy(labels, answers))
    assert found["log_loss"].value == pytest.approx(metrics.log_loss(labels, probabilities, classes))
    assert found["brier"].value == pytest.approx(metrics.brier(labels, probabilities, classes))
    for name in ("precision", "recall", "f1"):
        assert found[name].value == pytest.approx(getattr(metrics, name)(labels, answers, classes))
    if k == 2 and len(set(labels)) == 2:
        assert found["auc"].value == pytest.approx(metrics.auc(labels, probabilities, classes))
    assert ("auc" in found) == (k == 2 and len(set(labels)) == 2)
    for one in found.values():
        assert one.low is not None
        assert one.low <= one.value <= one.high


@pytest.mark.parametrize("classes", [["a", "b"], ["a", "b", "c"]])
def test_precision_and_recall_of_what_never_comes_are_undefined_and_no_zero(classes: list[str]) -> None:
    never_answered, never_there = (["b", "a"], ["a", "a"]), (["a", "a"], ["b", "a"])
    for (labels, answers), undefined in ((never_answered, "precision"), (never_there, "recall")):
        found = metrics.classification_metrics(answers, labels, classes=classes)
        alone = {name: getattr(metrics, name)(labels, answers, classes) for name in ("precision", "recall", "f1")}
        if len(classes) == 2:
            assert undefined not in found
            assert isnan(alone[undefined])
        else:
            assert found[undefined].value == alone[undefined] == 0.5, "the mean over the classes where it is defined"
        assert {name for name in alone if not isnan(alone[name])} == set(found) - {"accuracy"}
        assert all(found[name].value == pytest.approx(alone[name]) for name in set(found) - {"accuracy"})
    assert set(metrics.classification_metrics(["a"], ["a"], classes=["a", "b"])) == {"accuracy"}


@given(SEEDS)
def test_all_errors_of_numbers_at_once_are_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels, answers = random.normal(5, 2, 50), random.normal(5, 2, 50)
    found = metrics.regression_metrics(answers, labels)
    assert found["mae"].value == pytest.approx(sk.mean_absolute_error(labels, answers))
    assert found["rmse"].value == pytest.approx(sk.root_mean_squared_error(labels, answers))
    assert found["mape"].value == pytest.approx(sk.mean_absolute_percentage_error(labels, answers))
    for percent in (10, 90):
        oracle = sk.mean_pinball_loss(labels, answers, alpha=percent / 100)
        assert found[f"pinball_{percent}"].value == pytest.approx(oracle)
    assert all(one.low <= one.value <= one.high for one in found.values())


@pytest.mark.parametrize(
    ("k", "name"),
    [
        (2, "accuracy"), (2, "precision"), (2, "recall"), (2, "f1"), (2, "auc"), (2, "brier"), (2, "log_loss"),
        (3, "precision"), (3, "recall"), (3, "f1"),
    ],
)  # fmt: skip
def test_intervals_of_a_block_hold_what_a_large_sample_says(k: int, name: str) -> None:
    blocks = [metrics.classification_metrics(*_turned(shuffled(seed, k)), CLASSES[k])[name] for seed in range(400)]
    truth = float(np.mean([block.value for block in blocks]))
    held = sum(block.low <= truth <= block.high for block in blocks)
    assert 0.91 <= held / 400 <= 0.985


def _turned(answered: tuple[list[str], list[str], np.ndarray]) -> tuple[list[str], list[str], np.ndarray]:
    return answered[1], answered[0], answered[2]


def test_calibration_error_distinguishes_good_from_bad_calibration() -> None:
    sure = np.tile([0.95, 0.05], (1000, 1))
    right = metrics.classification_metrics(["a"] * 1000, ["a"] * 950 + ["b"] * 50, sure, ["a", "b"])["ece"]
    wrong = metrics.classification_metrics(["a"] * 1000, ["a"] * 600 + ["b"] * 400, sure, ["a", "b"])["ece"]
    assert right.value < 0.001
    assert wrong.value == pytest.approx(0.35)
    assert wrong.low < 0.35 < wrong.high < 0.4


def test_classes_that_never_occur_do_not_count() -> None:
    found = metrics.classification_metrics(["a", "b"], ["a", "b"], classes=("a", "b", "c"))
    assert found["recall"].value == 1.0
    assert "log_loss" not in found


def test_a_perfect_order_is_not_certain() -> None:
    scores = np.array([0.1] * 6 + [0.9] * 4)
    labels = ["a"] * 6 + ["b"] * 4
    found = metrics.classification_metrics(labels, labels, np.stack([1 - scores, scores], axis=1), ["a", "b"])["auc"]
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low < 0.7


def test_undefined_metrics_are_left_out() -> None:
    assert metrics.classification_metrics([], [], np.empty((0, 2)), ["a", "b"]) == {}
    assert metrics.regression_metrics(np.empty(0), np.empty(0)) == {}
    huge = metrics.regression_metrics(np.array([1e300, 1e300]), np.array([0.0, -1e300]))
    assert set(huge) == {"mae", "mape", "pinball_10", "pinball_90"}
    assert huge["mae"].low is None
    assert set(metrics.regression_metrics(np.ones(3), np.zeros(3))) == {"mae", "rmse", "pinball_10", "pinball_90"}


@given(st.integers(0, 100), st.integers(1, 100), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_interval_of_a_share_is_scipys(correct: int, more: int, level: float) -> None:
    oracle = stats.binomtest(correct, correct + more).proportion_ci(level, method="wilson")
    found = metrics.accuracy_interval(correct, correct + more, level)
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), abs=1e-12)
