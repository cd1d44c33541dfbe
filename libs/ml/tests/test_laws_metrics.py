"""Laws of every metric: a new one has to keep them."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import brier_score_loss

from penstock.ml import metrics

CLASSES = ["a", "b", "c"]


class Case:
    """n labels of a classification or numbers, and the answers to them."""

    def __init__(self, seed: int, n: int) -> None:
        random = np.random.default_rng(seed)
        self.probabilities = random.dirichlet(np.ones(3), n)
        self.labels = [CLASSES[code] for code in random.integers(0, 3, n)]
        self.numbers, self.predictions = random.normal(size=(2, n))

    def perfect(self) -> Case:
        """The same labels, all answered correctly."""
        self.probabilities = np.array([[float(name == label) for name in CLASSES] for label in self.labels])
        self.probabilities = self.probabilities.reshape(-1, 3)
        self.predictions = self.numbers
        return self

    def shuffled(self, seed: int) -> Case:
        """The same cases in another order."""
        order = np.random.default_rng(seed).permutation(len(self.labels))
        self.probabilities, self.labels = self.probabilities[order], [self.labels[index] for index in order]
        self.numbers, self.predictions = self.numbers[order], self.predictions[order]
        return self

    @property
    def answers(self) -> list[str]:
        """The likeliest class of each."""
        return [CLASSES[code] for code in self.probabilities.argmax(axis=1)] if self.labels else []


METRICS: dict[str, tuple[Callable[[Case], float], float]] = {
    "accuracy": (lambda case: metrics.accuracy(case.labels, case.answers), 1.0),
    "precision": (lambda case: metrics.precision(case.labels, case.answers, CLASSES), 1.0),
    "recall": (lambda case: metrics.recall(case.labels, case.answers, CLASSES), 1.0),
    "f1": (lambda case: metrics.f1(case.labels, case.answers, CLASSES), 1.0),
    "auc": (lambda case: metrics.auc(case.labels, case.probabilities, CLASSES), 1.0),
    "log_loss": (lambda case: metrics.log_loss(case.labels, case.probabilities, CLASSES), 0.0),
    "brier": (lambda case: metrics.brier(case.labels, case.probabilities, CLASSES), 0.0),
    "mae": (lambda case: metrics.mae(case.numbers.tolist(), case.predictions.tolist()), 0.0),
    "rmse": (lambda case: metrics.rmse(case.numbers.tolist(), case.predictions.tolist()), 0.0),
}
"""Each metric, and what it is where every answer is right."""

TOGETHER = {"classification_metrics", "regression_metrics"}
OF_LOSSES = {"score", "losses", "interval", "primary_metric"}
INTERVALS = {"wilson", "accuracy_interval", "mean_interval", "paired_difference"}
TYPES = {"LARGEST_LOSS", "Difference", "Interval", "MetricValue", "Metric", "Probabilities"}

every_metric = pytest.mark.parametrize("name", METRICS)


def test_every_metric_has_laws() -> None:
    assert set(metrics.__all__) == {*METRICS, *TOGETHER, *OF_LOSSES, *INTERVALS, *TYPES}


@every_metric
def test_no_cases_are_no_figure(name: str) -> None:
    assert isnan(METRICS[name][0](Case(0, 0)))


@every_metric
@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_nothing_is_better_than_right_and_nothing_is_out_of_range(name: str, seed: int) -> None:
    metric, best = METRICS[name]
    found, perfect = metric(Case(seed, 60)), metric(Case(seed, 60).perfect())
    assert perfect == pytest.approx(best, abs=1e-12)
    assert 0 <= found <= best if best else found >= best


@every_metric
@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_the_order_of_the_cases_does_not_matter(name: str, seed: int) -> None:
    metric = METRICS[name][0]
    assert metric(Case(seed, 40).shuffled(1)) == pytest.approx(metric(Case(seed, 40)), abs=1e-12)


@given(st.integers(0, 1000), st.integers(0, 40))
@settings(max_examples=20)
def test_all_at_once_do_not_mind_the_order_either_and_lie_in_their_intervals(seed: int, n: int) -> None:
    def measured(case: Case) -> dict[str, Any]:
        found = metrics.classification_metrics(case.answers, case.labels, case.probabilities, CLASSES)
        return found | metrics.regression_metrics(case.predictions, case.numbers)

    one, other = measured(Case(seed, n)), measured(Case(seed, n).shuffled(2))
    assert one.keys() == other.keys()
    for name, found in one.items():
        assert (found.value, found.low, found.high) == pytest.approx(
            (other[name].value, other[name].low, other[name].high), abs=1e-9
        )
        assert found.low is None or found.low <= found.value <= found.high


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_briers_score_of_two_classes_is_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    positive, labels = random.random(30), random.integers(0, 2, 30)
    own = metrics.brier([CLASSES[code] for code in labels], np.stack([1 - positive, positive], axis=1), CLASSES[:2])
    assert own == pytest.approx(brier_score_loss(labels, positive), abs=1e-12)


@given(st.lists(st.integers(-1000, 1000), min_size=3, max_size=30).filter(lambda found: len(set(found)) > 1))
def test_intervals_of_means_are_scipys(values: list[int]) -> None:
    sample = np.array(values, dtype=float)
    found, paired = metrics.mean_interval(sample), metrics.paired_difference(sample, np.zeros(len(sample)))
    normal = stats.norm.interval(0.95, sample.mean(), stats.sem(sample))
    student = stats.ttest_1samp(sample, 0.0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(normal)
    assert (paired.low, paired.high) == pytest.approx(tuple(student))
