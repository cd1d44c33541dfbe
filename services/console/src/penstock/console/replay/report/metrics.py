"""Metrics of many answers at once, over arrays; undefined ones are None."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite, nan, sqrt

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from penstock.ml.metrics.intervals import wilson
from penstock.ml.metrics.objective import Answers, Objective
from penstock.ml.metrics.probability_losses import (
    CALIBRATION_BINS,
    brier_losses,
    calibration_bins,
    calibration_error,
    log_losses,
)
from penstock.ml.metrics.scores import LARGEST_LOSS
from penstock.ml.models.decision_costs import DecisionCosts

OUTER_TENTHS = (0.1, 0.9)

Metrics = dict[str, float | None]
Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClassScore:
    """Of the rows with a label, how many have this one (`rows`) and how many were answered with it (`answers`).

    `recall` is the share of the former that was found, `precision` the share of the latter that is right.
    """

    name: str
    rows: int
    answers: int
    recall: float | None
    precision: float | None


@dataclass(frozen=True)
class CalibrationBin:
    """Answers that are alike: how many, what they said on average, and what was true.

    Of two classes `predicted` is the mean probability of the positive class and `observed` its share; of more, the mean
    probability of the likeliest class and the share that is right; of a regression the mean of the answers and of the
    labels.
    `low` and `high` are the 95 % interval of the share, or the labels that a tenth of the rows lies below or above.
    """

    rows: int
    predicted: float
    observed: float
    low: float
    high: float


def classification_metrics(
    answers: Codes,
    labels: Codes,
    probabilities: NDArray[np.float32] | None,
    classes: Sequence[str],
    positive: int = 1,
    costs: DecisionCosts | None = None,
) -> Metrics:
    """accuracy, balanced_accuracy, precision, recall, f1, log_loss, brier, ece, average_precision and roc_auc.

    Of two classes one is the positive one; of more, precision, recall and f1 are plain means over the classes
    that are answered, that are labels, or that are either; average_precision and roc_auc are means, too, each class
    against the rest. `auc` is roc_auc of two classes. None is undefined: precision where the positive class is never
    answered, recall where it never occurs.

    Args:
        answers: codes of classes, shape (n,).
        labels: codes of classes, shape (n,).
        probabilities: of the first k classes, shape (n, k); rows with a NaN are left out. None: not known.
        classes: the names of all codes.
        positive: the code of the positive one of two classes.
        costs: of the answers (column) by the label (row), (k, k): with them there is the mean `cost`, too.
    """
    binary = {"labels": [positive]} if len(classes) == 2 else {}
    averaged = binary | {"average": "macro", "zero_division": nan}
    return {
        "accuracy": _value(sk.accuracy_score, labels, answers),
        "balanced_accuracy": _value(sk.balanced_accuracy_score, labels, answers),
        "precision": _value(sk.precision_score, labels, answers, **averaged),
        "recall": _value(sk.recall_score, labels, answers, **averaged),
        "f1": _value(sk.f1_score, labels, answers, **averaged),
        **({} if costs is None else {"cost": _mean_cost(answers, labels, costs)}),
    } | _probability_metrics(labels, probabilities, positive)


def _mean_cost(answers: Codes, labels: Codes, costs: DecisionCosts) -> float | None:
    objective = Objective("cost", len(costs), costs=costs)
    return _finite(objective.score(labels.astype(np.float64), Answers(answers.astype(np.float64))))


def regression_metrics(answers: Floats, labels: Floats, quantile: float | None = None) -> Metrics:
    """mae, rmse, rmsle, mape (over labels other than 0; 0.1 is 10 %), r2 and, for a quantile, pinball, of n answers."""
    errors = np.clip(labels - answers, -LARGEST_LOSS, LARGEST_LOSS)
    relative = labels != 0
    return {
        "mae": _finite(np.abs(errors).mean()) if len(errors) else None,
        "rmse": _finite(sqrt(float((errors**2).mean()))) if len(errors) else None,
        "rmsle": _finite(Objective("rmsle").score(labels, Answers(answers))),
        "mape": _value(sk.mean_absolute_percentage_error, labels[relative], answers[relative]),
        "r2": _value(sk.r2_score, labels, answers) if len(np.unique(labels)) > 1 else None,
    } | ({} if quantile is None else {"pinball": _pinball(answers, labels, quantile)})


def _pinball(answers: Floats, labels: Floats, quantile: float) -> float | None:
    return _finite(Objective("pinball", quantile=quantile).score(labels, Answers(answers)))


def confusion_matrix(answers: Codes, labels: Codes, classes: int) -> list[list[int]]:
    """How many rows with the label of the row were answered with the class of the column, shape (k, k)."""
    counts = np.bincount(labels * classes + answers, minlength=classes * classes)
    return [[int(count) for count in row] for row in counts.reshape(classes, classes)]


def class_scores(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> list[ClassScore]:
    """Recall and precision of each class, from the confusion matrix."""
    counts = np.array(confusion, dtype=np.int64).reshape(len(classes), len(classes))
    rows, answers, hits = counts.sum(axis=1), counts.sum(axis=0), counts.diagonal()
    return [
        ClassScore(name, int(rows[i]), int(answers[i]), _share(hits[i], rows[i]), _share(hits[i], answers[i]))
        for i, name in enumerate(classes)
    ]


def class_calibration(
    labels: Codes, probabilities: NDArray[np.float32] | None, positive: int = 1
) -> list[CalibrationBin]:
    """Ten bins of equal width of the probability, those without rows left out."""
    if probabilities is None or not len(labels):
        return []
    known = ~np.isnan(probabilities[:, 0])
    labels, probabilities = labels[known], probabilities[known]
    binary = probabilities.shape[1] == 2
    predicted = (probabilities[:, positive] if binary else probabilities.max(axis=1, initial=0.0)).astype(np.float64)
    observed = (labels == positive if binary else labels == probabilities.argmax(axis=1)).astype(np.float64)
    return _bins(calibration_bins(predicted), predicted, observed, _share_interval)


def number_calibration(answers: Floats, labels: Floats) -> list[CalibrationBin]:
    """Ten bins of equally many rows, by the size of the answer."""
    order = np.argsort(np.argsort(answers, kind="stable"), kind="stable")
    bins = order * CALIBRATION_BINS // max(1, len(answers))
    return _bins(bins, answers, labels, lambda of_bin: np.quantile(of_bin, OUTER_TENTHS).tolist())


def _share_interval(hits: Floats) -> tuple[float, float]:
    interval = wilson(float(hits.mean()), len(hits))
    return interval.low, interval.high


def _bins(
    bin_of_row: Codes, predicted: Floats, observed: Floats, interval: Callable[[Floats], Iterable[float]]
) -> list[CalibrationBin]:
    return [
        CalibrationBin(int(rows.sum()), float(predicted[rows].mean()), float(observed[rows].mean()), *ends)
        for rows in (bin_of_row == number for number in np.unique(bin_of_row))
        for ends in (interval(observed[rows]),)
    ]


def _probability_metrics(labels: Codes, probabilities: NDArray[np.float32] | None, positive: int) -> Metrics:
    known = np.zeros(len(labels), dtype=bool)
    if probabilities is not None:
        known = ~np.isnan(probabilities).any(axis=1) & (labels < probabilities.shape[1])
    if probabilities is None or not known.any():
        return dict.fromkeys(("log_loss", "brier", "ece", "average_precision", "roc_auc", "auc"))
    labels, given = labels[known], probabilities[known].astype(np.float64)
    likeliest, classes = given.argmax(axis=1), given.shape[1]
    answers = Answers(likeliest.astype(np.float64), given)
    precision, area = (
        _finite(Objective(metric, classes, positive=positive).score(labels.astype(np.float64), answers))
        for metric in ("average_precision", "roc_auc")
    )
    return {
        "log_loss": _finite(log_losses(given, labels).mean()),
        "brier": _finite(brier_losses(given, labels).mean()),
        "ece": _finite(calibration_error(given.max(axis=1), labels == likeliest)),
        "average_precision": precision,
        "roc_auc": area,
        "auc": area if classes == 2 else None,
    }


def _value(
    metric: Callable[..., float], truth: Codes | Floats, answers: Codes | Floats, /, **options: object
) -> float | None:
    """The metric as scikit-learn has it, None where there are no rows or it is not finite."""
    if not len(truth):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are answered and never occur
        return _finite(metric(truth, answers, **options))


def _finite(value: float) -> float | None:
    return round(float(value), 6) if isfinite(value) else None


def _share(part: int, whole: int) -> float | None:
    return round(float(part / whole), 6) if whole else None
