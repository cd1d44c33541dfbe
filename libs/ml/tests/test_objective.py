"""The objective: each metric beside scikit-learn's, losses that agree with it, and gains that are told from noise."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from penstock.ml.metrics.objective import LARGER_IS_BETTER, Answers, Objective, ObjectiveMetric

OF_NUMBERS = {"rmse", "mae", "pinball", "rmsle"}
METRICS = get_args(ObjectiveMetric)
OF_CLASSES = [metric for metric in METRICS if metric not in OF_NUMBERS]
CODES = np.array([0.0, 1.0])

REFERENCES: dict[str, Any] = {
    "log_loss": lambda y, a: sk.log_loss(y, a.probabilities, labels=[0, 1]),
    "average_precision": lambda y, a: sk.average_precision_score(y, a.probabilities[:, 1]),
    "roc_auc": lambda y, a: sk.roc_auc_score(y, a.probabilities[:, 1]),
    "f1": lambda y, a: sk.f1_score(y, a.values),
    "balanced_accuracy": lambda y, a: sk.balanced_accuracy_score(y, a.values),
    "cost": lambda y, a: np.dot(sk.confusion_matrix(y, a.values, labels=[0, 1]).ravel(), [0, 1, 5, 0]) / len(y),
    "accuracy": lambda y, a: sk.accuracy_score(y, a.values),
    "rmse": lambda y, a: sk.root_mean_squared_error(y, a.values),
    "mae": lambda y, a: sk.mean_absolute_error(y, a.values),
    "pinball": lambda y, a: sk.mean_pinball_loss(y, a.values, alpha=0.8),
    "rmsle": lambda y, a: sk.root_mean_squared_log_error(y, a.values),
}


def objective(metric: Any) -> Objective:
    return Objective(metric, 0 if metric in OF_NUMBERS else 2, quantile=0.8, costs=((0.0, 1.0), (5.0, 0.0)))


def sample(metric: str, seed: int, noise: float = 1.0, n: int = 400) -> tuple[np.ndarray, Answers]:
    """Labels, and answers to them that are the worse the more noise they have."""
    random = np.random.default_rng(seed)
    signal = random.normal(size=n)
    own = signal + noise * np.random.default_rng(seed + 1).normal(size=n)
    if metric in OF_NUMBERS:
        return np.exp(signal), Answers(np.exp(own))
    labels = (random.random(n) < 1 / (1 + np.exp(1.0 - 2 * signal))).astype(float)
    positive = 1 / (1 + np.exp(1.0 - 2 * own))
    return labels, Answers((positive > 0.5).astype(float), np.column_stack([1 - positive, positive]))


@pytest.mark.parametrize("metric", METRICS)
@given(seed=st.integers(0, 2**20))
def test_a_score_is_that_of_scikit_learn(metric: str, seed: int) -> None:
    labels, answers = sample(metric, seed, n=60)
    if metric in OF_NUMBERS or 0 < labels.sum() < len(labels):
        assert objective(metric).score(labels, answers) == pytest.approx(REFERENCES[metric](labels, answers))


@pytest.mark.parametrize("metric", METRICS)
def test_answers_with_less_noise_are_better_by_every_metric_and_its_losses(metric: str) -> None:
    labels, good = sample(metric, 3, noise=0.2, n=500)
    _, bad = sample(metric, 3, noise=2.0, n=500)
    gain = objective(metric).gain(labels, bad, good)
    assert gain.low > 0
    assert objective(metric).gain(labels, good, bad).mean == pytest.approx(-gain.mean)
    better = objective(metric).score(labels, good) - objective(metric).score(labels, bad)
    assert gain.mean == pytest.approx(better if metric in LARGER_IS_BETTER else -better)
    assert objective(metric).losses(labels, good).mean() < objective(metric).losses(labels, bad).mean()


@pytest.mark.parametrize("metric", ["log_loss", "average_precision", "rmse"])
def test_equally_good_answers_are_rarely_told_apart(metric: str) -> None:
    told = 0
    for seed in range(20):
        labels, first = sample(metric, 10 * seed, n=150)
        noise = np.random.default_rng(seed).normal(size=150)
        swapped = noise > 0  # each is better on half of the rows, by chance
        _, second = sample(metric, 10 * seed, noise=1.2, n=150)
        one = Answers(np.where(swapped, first.values, second.values))
        other = Answers(np.where(swapped, second.values, first.values))
        if metric not in OF_NUMBERS:
            assert first.probabilities is not None
            assert second.probabilities is not None
            one = one._replace(probabilities=np.where(swapped[:, None], first.probabilities, second.probabilities))
            other = other._replace(probabilities=np.where(swapped[:, None], second.probabilities, first.probabilities))
        gain = objective(metric).gain(labels, one, other)
        told += gain.low > 0 or gain.high < 0
    assert told <= 5  # of 20 at 5 %: more has a chance below 1 in 1,000


@pytest.mark.parametrize("metric", OF_CLASSES)
def test_labels_of_one_class_give_a_score_or_nan_and_never_an_error(metric: str) -> None:
    answers = Answers(np.array([0.0, 1.0, 0.0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]))
    value = objective(metric).score(np.zeros(3), answers)
    assert np.isnan(value) or 0 <= value <= 5


@pytest.mark.parametrize("metric", METRICS)
def test_the_largest_numbers_give_finite_losses(metric: str) -> None:
    if metric in OF_NUMBERS:
        losses = objective(metric).losses(np.array([1e100, -1e100]), Answers(np.array([-1e100, 1e100])))
        assert np.isfinite(losses).all()
        assert np.isfinite(losses.sum())


def test_without_rows_a_score_is_undefined() -> None:
    assert np.isnan(Objective("rmse").score(np.empty(0), Answers(np.empty(0))))
