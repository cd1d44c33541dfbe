"""Metrics of a replay and of the constant beside it: laws, and scikit-learn's own definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from penstock.console.replay.report.baseline import constant_class, running_median
from penstock.console.replay.report.metrics import (
    class_calibration,
    class_scores,
    classification_metrics,
    confusion_matrix,
    number_calibration,
    regression_metrics,
)

CODES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60)
NUMBERS = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=60)


@given(CODES)
def test_metrics_of_two_classes_are_those_of_the_positive_one(rows: list[tuple[int, int, float]]) -> None:
    answers, labels = (np.array(column, dtype=np.int64) for column in list(zip(*rows, strict=True))[:2])
    positive = np.array([share for _, _, share in rows], dtype=np.float32)
    probabilities = np.column_stack([1 - positive, positive])
    metrics = classification_metrics(answers, labels, probabilities, ("no", "yes"))
    hits = int(((answers == 1) & (labels == 1)).sum())
    assert metrics["accuracy"] == pytest.approx((answers == labels).mean(), abs=1e-6)
    positives, found = int((labels == 1).sum()), int((answers == 1).sum())
    assert metrics["recall"] == (pytest.approx(hits / positives, abs=1e-6) if positives else None)
    assert metrics["precision"] == (pytest.approx(hits / found, abs=1e-6) if found else None)
    assert (metrics["f1"] is None) == (positives + found == 0)
    assert (metrics["auc"] is None) == (len(set(labels.tolist())) == 1)
    assert metrics["log_loss"] == pytest.approx(
        sk.log_loss(labels, np.clip(probabilities.astype(np.float64), 1e-15, 1), labels=[0, 1]), rel=1e-3, abs=1e-4
    )
    by_class = class_scores(confusion_matrix(answers, labels, 2), ("no", "yes"))
    assert sum(each.rows for each in by_class) == sum(each.answers for each in by_class) == len(rows)
    assert [by_class[1].recall, by_class[1].precision] == [metrics["recall"], metrics["precision"]]
    assert sum(each.rows for each in class_calibration(labels, probabilities)) == len(rows)


@given(NUMBERS)
def test_metrics_of_numbers(rows: list[tuple[float, float]]) -> None:
    answers, labels = np.array(rows).T
    metrics = regression_metrics(answers, labels)
    assert metrics["mae"] == pytest.approx(sk.mean_absolute_error(labels, answers), abs=1e-6)
    assert metrics["rmse"] == pytest.approx(sk.root_mean_squared_error(labels, answers), abs=1e-5)
    bins = number_calibration(answers, labels)
    assert sum(each.rows for each in bins) == len(rows)
    assert [each.predicted for each in bins] == sorted(each.predicted for each in bins)


def test_without_rows_nothing_is_defined() -> None:
    none = np.empty(0, dtype=np.int64)
    assert set(classification_metrics(none, none, None, ("a", "b")).values()) == {None}
    assert set(regression_metrics(np.empty(0), np.empty(0)).values()) == {None}


@given(st.lists(st.integers(0, 3), max_size=80))
def test_the_constant_class_is_that_of_the_rows_before(labels: list[int]) -> None:
    answers, shares = constant_class(np.array(labels, dtype=np.int64), 4)
    for row in range(len(labels)):
        counts = [labels[:row].count(code) for code in range(4)]
        assert answers[row] == counts.index(max(counts))
        assert shares[row].sum() == pytest.approx(1.0, abs=1e-5)


@given(st.lists(st.floats(-100, 100), max_size=30))
def test_the_median_is_that_of_rows_before(labels: list[float]) -> None:
    medians = running_median(np.array(labels, dtype=np.float64))
    for row in range(1, min(len(labels), 20)):
        assert medians[row] == pytest.approx(np.median(labels[:row]))
