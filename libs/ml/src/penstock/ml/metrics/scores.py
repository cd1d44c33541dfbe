"""Losses of cases, and scores of whole samples, one metric at a time."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.task import Task
from penstock.ml.metrics.intervals import Interval, accuracy_interval, mean_interval

Metric = Literal["accuracy", "mae"]
Probabilities = NDArray[np.float64]

LARGEST_LOSS = 1e102  # more than any two numbers a stream takes can differ by; sums of its square stay finite


def primary_metric(task: Task) -> Metric:
    """The metric by which models of a task are chosen and reported."""
    return "mae" if task == "regression" else "accuracy"


def losses(
    task: Task, predictions: Sequence[str] | Sequence[float], labels: Sequence[str] | Sequence[float]
) -> NDArray[np.float64]:
    """Loss of each case, shape (n,): 0 or 1 for a class, for a number the absolute error, at most `LARGEST_LOSS`."""
    if task == "regression":
        with np.errstate(over="ignore"):
            errors = np.abs(np.array(predictions, dtype=np.float64) - np.array(labels, dtype=np.float64))
        return np.minimum(errors, LARGEST_LOSS)
    return np.array([float(a != b) for a, b in zip(predictions, labels, strict=True)], dtype=np.float64)


def score(task: Task, case_losses: NDArray[np.float64]) -> float:
    """The primary metric from the losses of the cases: accuracy, or mean absolute error."""
    if not len(case_losses):
        return nan
    mean = float(case_losses.mean())
    return mean if task == "regression" else 1.0 - mean


def interval(task: Task, case_losses: NDArray[np.float64], level: float = 0.95) -> Interval:
    """Confidence interval of `score`: Wilson's for accuracy, the normal one for a mean error.

    >>> bounds = interval("binary", np.array([0.0] * 80 + [1.0] * 20))
    >>> round(bounds.low, 3), round(bounds.high, 3)
    (0.711, 0.867)
    """
    if task == "regression":
        return mean_interval(case_losses, level)
    return accuracy_interval(int(len(case_losses) - case_losses.sum()), len(case_losses), level)


def accuracy(labels: Sequence[str], predictions: Sequence[str]) -> float:
    """Share of predictions that equal their label."""
    return score("binary", losses("binary", predictions, labels))


def mae(labels: Sequence[float], predictions: Sequence[float]) -> float:
    """Mean absolute error, in the label's unit."""
    return score("regression", losses("regression", predictions, labels))


def rmse(labels: Sequence[float], predictions: Sequence[float]) -> float:
    """Root of the mean squared error, in the label's unit."""
    errors = losses("regression", predictions, labels)
    return float(np.sqrt(np.mean(errors**2))) if len(errors) else nan


def log_loss(labels: Sequence[str], probabilities: Probabilities, classes: Sequence[str]) -> float:
    """Mean negative logarithm of the probability given to the true class, which is kept above 1e-15.

    A label that is none of the classes was given the probability 0.

    >>> round(log_loss(["a", "b", "new"], np.array([[0.5, 0.5]] * 3), ["a", "b"]), 2)
    11.98
    """
    if not len(labels):
        return nan
    true = (probabilities * _one_hot(labels, classes)).sum(axis=1)
    return float(-np.log(np.clip(true, 1e-15, 1.0)).mean())


def brier(labels: Sequence[str], probabilities: Probabilities, classes: Sequence[str]) -> float:
    """Brier's score, 0 to 1: half the squared distance from the probabilities to the truth."""
    if not len(labels):
        return nan
    truth = _one_hot(labels, classes)
    squares = ((probabilities - truth) ** 2).sum(axis=1) + ~truth.any(axis=1)
    return float(squares.mean() / 2)


def auc(labels: Sequence[str], probabilities: Probabilities, classes: Sequence[str]) -> float:
    """Area under the ROC curve; the mean over classes present (one against the rest) beyond two.

    Of two classes the last declared is the positive one.
    """
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 (slow to import, and few services need it)

    truth = _one_hot(labels, classes)
    columns = [1] if len(classes) == 2 else range(len(classes))
    areas = [
        float(roc_auc_score(truth[:, column], probabilities[:, column]))
        for column in columns
        if 0 < truth[:, column].sum() < len(truth)
    ]
    return float(np.mean(areas)) if areas else nan


def f1(labels: Sequence[str], predictions: Sequence[str], classes: Sequence[str]) -> float:
    """Harmonic mean of precision and recall; NaN where there are neither positive answers nor cases."""
    return _averaged("f1_score", labels, predictions, classes)


def precision(labels: Sequence[str], predictions: Sequence[str], classes: Sequence[str]) -> float:
    """Share of positive answers that are right; NaN where there are none."""
    return _averaged("precision_score", labels, predictions, classes)


def recall(labels: Sequence[str], predictions: Sequence[str], classes: Sequence[str]) -> float:
    """Share of positive cases that were found; NaN where there are none."""
    return _averaged("recall_score", labels, predictions, classes)


def _averaged(
    metric: Literal["f1_score", "precision_score", "recall_score"],
    labels: Sequence[str],
    predictions: Sequence[str],
    classes: Sequence[str],
) -> float:
    """Of two classes the last is the positive one; beyond two, the plain mean over the classes where it is defined."""
    if not len(labels):
        return nan
    from sklearn import metrics  # noqa: PLC0415 (slow to import, and few services need it)

    positive_classes = [classes[1]] if len(classes) == 2 else list(classes)
    measure = getattr(metrics, metric)
    return float(measure(list(labels), list(predictions), labels=positive_classes, average="macro", zero_division=nan))


def _one_hot(labels: Sequence[str], classes: Sequence[str]) -> NDArray[np.bool_]:
    equal: NDArray[np.bool_] = np.equal.outer(np.array(labels, dtype=object), np.array(classes, dtype=object))
    return equal.astype(bool)
