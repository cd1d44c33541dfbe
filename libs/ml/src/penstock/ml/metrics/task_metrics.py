"""All metrics of a task at once with 95 % intervals, in numpy alone, as they are computed for every outcome block."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import isfinite, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from penstock.ml.metrics.intervals import Interval, variance, wilson
from penstock.ml.metrics.probability_losses import (
    CALIBRATION_BINS,
    brier_losses,
    calibration_bins,
    calibration_error,
    log_losses,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MetricValue:
    """The value of a metric and its 95 % interval; None where the cases are too few for one."""

    value: float
    low: float | None
    high: float | None


def classification_metrics(
    answers: Sequence[Hashable],
    labels: Sequence[Hashable],
    probabilities: Floats | None = None,
    classes: Sequence[str] = (),
    positive: str | None = None,
) -> dict[str, MetricValue]:
    """accuracy, precision, recall, f1, and with probabilities (n, k) ece, log_loss, brier and, of two classes, auc.

    Of two `classes` the second is the positive one, unless `positive` names the other; else precision, recall and F1
    are the plain mean over the classes that are answered, that are labels, or that are either. Probabilities whose
    columns are not those of `classes` give calibration only. Undefined metrics are left out: precision without a
    positive answer, recall without such a label.

    >>> metrics = classification_metrics(["b", "a", "b", "b"], ["b", "a", "a", "b"], classes=("a", "b"))
    >>> {name: round(metric.value, 2) for name, metric in metrics.items()}
    {'accuracy': 0.75, 'precision': 0.67, 'recall': 1.0, 'f1': 0.8}
    """
    if not len(labels):
        return {}
    index: dict[Hashable, int] = {name: code for code, name in enumerate(dict.fromkeys([*classes, *answers, *labels]))}
    predicted, true = (np.array([index[name] for name in names]) for names in (answers, labels))
    hits = predicted == true
    metrics = {"accuracy": _share(float(np.count_nonzero(hits)), len(hits))}
    code = index[positive or classes[1]] if len(classes) == 2 else -1
    metrics |= (
        _binary(predicted == code, true == code) if len(classes) == 2 else _macro_averages(predicted, true, len(index))
    )
    if probabilities is not None and probabilities.size:
        of_classes = len(classes) == probabilities.shape[1]
        confident = probabilities.argmax(axis=1) == true if of_classes else hits  # answers may weigh costs
        metrics["ece"] = _calibration_error(probabilities.max(axis=1), confident)
        if of_classes:
            metrics |= _probability_metrics(probabilities, true)
    return _defined(metrics)


def regression_metrics(answers: Floats, labels: Floats) -> dict[str, MetricValue]:
    """mae, rmse, mape (over labels other than 0; 0.1 is 10 %), pinball_10 and pinball_90, each of n answers.

    The pinball loss judges an answer as if it were the 10 % or the 90 % quantile (Koenker and Bassett, 1978): the two
    tell whether the errors lie above or below.
    """
    if not len(labels):
        return {}
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        errors = labels - answers
        sizes, nonzero = np.abs(errors), labels != 0
        metrics = {"mae": _mean(sizes), "rmse": _root(_mean(errors**2))}
        if nonzero.any():
            metrics["mape"] = _mean(sizes[nonzero] / np.abs(labels[nonzero]))
        for percent in (10, 90):
            metrics[f"pinball_{percent}"] = _mean(np.maximum(percent / 100 * errors, (percent / 100 - 1) * errors))
    return _defined(metrics)


def _binary(positive: NDArray[np.bool_], actual: NDArray[np.bool_]) -> dict[str, MetricValue]:
    hits, answers, labels = (float(np.count_nonzero(cases)) for cases in (positive & actual, positive, actual))
    return {
        "precision": _share(hits, answers),
        "recall": _share(hits, labels),
        "f1": _f1(hits, answers + labels - hits),
    }


def _f1(hits: float, union: float) -> MetricValue:
    """F1 is 2 j / (1 + j) of Jaccard's index j: hits among the positive answers or labels. It rises with j."""
    overlap = _share(hits, union)
    value, low, high = (2 * j / (1 + j) for j in (overlap.value, overlap.low or 0.0, overlap.high or 0.0))
    return MetricValue(value, low, high)


def _macro_averages(predicted: NDArray[np.int64], true: NDArray[np.int64], k: int) -> dict[str, MetricValue]:
    """Means over classes; their intervals by the jackknife (Tukey, 1958), which leaves out each case once."""
    codes = np.flatnonzero(np.bincount(predicted, minlength=k) + np.bincount(true, minlength=k))
    answers, labels = predicted[:, None] == codes, true[:, None] == codes
    hits = answers & labels
    sums = [cases.sum(axis=0) for cases in (hits, answers, labels)]
    without = [total - cases for total, cases in zip(sums, (hits, answers, labels), strict=True)]
    values, left_out = _averages(*sums), _averages(*without)
    return {name: _jackknife_interval(float(values[name]), left_out[name]) for name in values}


def _averages(hits: NDArray[np.int64], answers: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[str, Floats]:
    shares = {"precision": (hits, answers), "recall": (hits, labels), "f1": (2 * hits, answers + labels)}
    return {name: _mean_of_defined(part, whole) for name, (part, whole) in shares.items()}


def _mean_of_defined(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Floats:
    """The mean share over the classes, the last axis, that have a whole; NaN where none has."""
    defined = np.count_nonzero(whole, axis=-1)
    total = (part / np.maximum(whole, 1)).sum(axis=-1)
    return np.asarray(total / np.where(defined, defined, np.nan))


def _jackknife_interval(value: float, left_out: Floats) -> MetricValue:
    half = 1.96 * sqrt((len(left_out) - 1) * float(left_out.var()))
    return _metric_value(value, Interval(max(value - half, 0.0), min(value + half, 1.0)))


def _probability_metrics(probabilities: Floats, true: NDArray[np.int64]) -> dict[str, MetricValue]:
    unknown = max(int(true.max()) + 1 - probabilities.shape[1], 0)  # classes that the model gives no probability
    probabilities = np.pad(probabilities, ((0, 0), (0, unknown)))
    metrics = {"log_loss": _mean(log_losses(probabilities, true)), "brier": _mean(brier_losses(probabilities, true))}
    if probabilities.shape[1] == 2 and 0 < true.sum() < len(true):
        metrics["auc"] = _auc(probabilities[true == 1, 1], probabilities[true == 0, 1])
    return metrics


def _auc(positives: Floats, negatives: Floats) -> MetricValue:
    """Area under the ROC curve: DeLong's variance (1988), in Wilson's interval of as many cases as would have it.

    Where the classes do not overlap that variance is 0: then of as many cases as the rarer class has.
    """
    above, below = _shares_below(positives, negatives), 1 - _shares_below(negatives, positives)
    area, rarer = float(above.mean()), min(len(above), len(below))
    spread = sum(variance(shares) / len(shares) for shares in (above, below) if len(shares) > 1)
    cases = area * (1 - area) / spread if spread > 0 else rarer
    return _metric_value(area, wilson(area, min(cases, len(above) + len(below)) if rarer > 1 else 1))


def _shares_below(scores: Floats, others: Floats) -> Floats:
    """The share of the others that lies below each score; equal ones count half."""
    ordered = np.sort(others)
    ranks = ordered.searchsorted(scores, "left") + ordered.searchsorted(scores, "right")
    return np.asarray(ranks / (2 * len(others)))


def _calibration_error(confidence: Floats, hits: NDArray[np.bool_]) -> MetricValue:
    """The interval is by the spread within the bins."""
    bins = calibration_bins(confidence)
    gaps = hits - confidence
    count = np.bincount(bins, minlength=CALIBRATION_BINS)
    total = np.bincount(bins, gaps, CALIBRATION_BINS)
    squares = np.bincount(bins, gaps**2, CALIBRATION_BINS)
    value = calibration_error(confidence, hits)
    spread = squares - total**2 / np.maximum(count, 1)
    half = 1.96 * sqrt(max(float(spread.sum()), 0.0)) / len(hits)
    return MetricValue(value, max(value - half, 0.0), min(value + half, 1.0))


def _share(part: float, whole: float) -> MetricValue:
    share = part / whole if whole else nan
    return _metric_value(share, wilson(share, whole))


def _mean(cases: Floats) -> MetricValue:
    """As `mean_interval`, with the mean computed once."""
    n = len(cases)
    mean = float(np.add.reduce(cases)) / n
    if n < 2:
        return MetricValue(mean, None, None)
    centred = cases - mean
    half = 1.96 * sqrt(float(centred @ centred) / (n - 1) / n)
    return _metric_value(mean, Interval(mean - half, mean + half))


def _root(square: MetricValue) -> MetricValue:
    low, high = (None if bound is None else sqrt(max(bound, 0.0)) for bound in (square.low, square.high))
    return MetricValue(sqrt(square.value), low, high)


def _metric_value(value: float, interval: Interval) -> MetricValue:
    finite = isfinite(interval.low) and isfinite(interval.high)
    return MetricValue(value, interval.low if finite else None, interval.high if finite else None)


def _defined(metrics: dict[str, MetricValue]) -> dict[str, MetricValue]:
    return {name: metric for name, metric in metrics.items() if isfinite(metric.value)}
