"""All metrics of a task at once with 95 % intervals, in numpy alone: what is said of every block of outcomes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from penstock.ml.metrics.intervals import Interval, variance, wilson

Floats = NDArray[np.float64]

CALIBRATION_BINS = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric and its 95 % interval; None where the cases are too few for one."""

    value: float
    low: float | None
    high: float | None


def measure_classes(
    answers: Sequence[Hashable],
    labels: Sequence[Hashable],
    probabilities: Floats | None = None,
    classes: Sequence[str] = (),
) -> dict[str, Measured]:
    """accuracy, precision, recall, f1, and with probabilities (n, k) ece, log_loss, brier and, of two classes, auc.

    Of two `classes` the second is the positive one; else precision, recall and F1 are the plain mean over the classes
    that occur. Probabilities in other than the order of `classes` tell only of calibration. What is undefined is left
    out.

    >>> found = measure_classes(["b", "a", "b", "b"], ["b", "a", "a", "b"], classes=("a", "b"))
    >>> {name: round(one.value, 2) for name, one in found.items()}
    {'accuracy': 0.75, 'precision': 0.67, 'recall': 1.0, 'f1': 0.8}
    """
    if not len(labels):
        return {}
    code: dict[Hashable, int] = {name: place for place, name in enumerate(dict.fromkeys([*classes, *answers, *labels]))}
    answered, true = (np.array([code[name] for name in names]) for names in (answers, labels))
    hits = answered == true
    found = {"accuracy": _share(float(np.count_nonzero(hits)), len(hits))}
    found |= _of_two(answered, true) if len(classes) == 2 else _of_many(answered, true, len(code))
    if probabilities is not None and probabilities.size:
        found["ece"] = _calibration_error(probabilities.max(axis=1), hits)
        if len(classes) == probabilities.shape[1]:
            found |= _of_probabilities(probabilities, true)
    return _defined(found)


def measure_numbers(answers: Floats, labels: Floats) -> dict[str, Measured]:
    """mae, rmse, mape (over labels other than 0; 0.1 is 10 %), pinball_10 and pinball_90, each of n answers.

    The pinball loss judges an answer as if it were the 10 % or the 90 % quantile (Koenker and Bassett, 1978): the two
    tell whether the errors lie above or below.
    """
    if not len(labels):
        return {}
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        errors = labels - answers
        sizes, some = np.abs(errors), labels != 0
        found = {"mae": _mean(sizes), "rmse": _root(_mean(errors**2))}
        if some.any():
            found["mape"] = _mean(sizes[some] / np.abs(labels[some]))
        for percent in (10, 90):
            found[f"pinball_{percent}"] = _mean(np.maximum(percent / 100 * errors, (percent / 100 - 1) * errors))
    return _defined(found)


def _of_two(answered: NDArray[np.int64], true: NDArray[np.int64]) -> dict[str, Measured]:
    positive, actual = answered == 1, true == 1
    right, said, there = (float(np.count_nonzero(cases)) for cases in (positive & actual, positive, actual))
    return {"precision": _share(right, said), "recall": _share(right, there), "f1": _f1(right, said + there - right)}


def _f1(right: float, concerned: float) -> Measured:
    """F1 is 2 j / (1 + j) of the share j of right ones among the answers or labels that are positive; it rises with j."""
    overlap = _share(right, concerned)
    value, low, high = (2 * j / (1 + j) for j in (overlap.value, overlap.low or 0.0, overlap.high or 0.0))
    return Measured(value, low, high)


def _of_many(answered: NDArray[np.int64], true: NDArray[np.int64], k: int) -> dict[str, Measured]:
    """Means over classes; their intervals by the jackknife (Tukey, 1958), which leaves out each case once."""
    codes = np.flatnonzero(np.bincount(answered, minlength=k) + np.bincount(true, minlength=k))
    said, there = answered[:, None] == codes, true[:, None] == codes
    both = said & there
    sums = [cases.sum(axis=0) for cases in (both, said, there)]
    without = [total - cases for total, cases in zip(sums, (both, said, there), strict=True)]
    values, left_out = _averages(*sums), _averages(*without)
    return {name: _jackknifed(float(values[name]), left_out[name]) for name in values}


def _averages(right: NDArray[np.int64], said: NDArray[np.int64], there: NDArray[np.int64]) -> dict[str, Floats]:
    shares = {"precision": (right, said), "recall": (right, there), "f1": (2 * right, said + there)}
    return {name: (part / np.maximum(whole, 1)).mean(axis=-1) for name, (part, whole) in shares.items()}


def _jackknifed(value: float, left_out: Floats) -> Measured:
    half = 1.96 * sqrt((len(left_out) - 1) * float(left_out.var()))
    return Measured(value, max(value - half, 0.0), min(value + half, 1.0))


def _of_probabilities(probabilities: Floats, true: NDArray[np.int64]) -> dict[str, Measured]:
    known = true < probabilities.shape[1]
    if not known.all():
        probabilities, true = probabilities[known], true[known]
    if not len(true):
        return {}
    given = probabilities[np.arange(len(true)), true]
    distance = np.einsum("ij,ij->i", probabilities, probabilities) - 2 * given + 1
    found = {"log_loss": _mean(-np.log(np.clip(given, 1e-15, 1.0))), "brier": _mean(distance / 2)}
    if probabilities.shape[1] == 2 and 0 < true.sum() < len(true):
        found["auc"] = _area(probabilities[true == 1, 1], probabilities[true == 0, 1])
    return found


def _area(positives: Floats, negatives: Floats) -> Measured:
    """Area under the ROC curve: DeLong's variance (1988), in Wilson's interval of as many cases as would have it.

    Where the classes do not overlap that variance is 0: then of as many cases as the rarer class has.
    """
    above, below = _beaten(positives, negatives), 1 - _beaten(negatives, positives)
    area, rarer = float(above.mean()), min(len(above), len(below))
    spread = sum(variance(one) / len(one) for one in (above, below) if len(one) > 1)
    cases = area * (1 - area) / spread if spread > 0 else rarer
    return _within(area, wilson(area, min(cases, len(above) + len(below)) if rarer > 1 else 1))


def _beaten(scores: Floats, others: Floats) -> Floats:
    """The share of the others that lies below each score; equal ones count half."""
    ordered = np.sort(others)
    places = ordered.searchsorted(scores, "left") + ordered.searchsorted(scores, "right")
    return np.asarray(places / (2 * len(others)))


def _calibration_error(confidence: Floats, hits: NDArray[np.bool_]) -> Measured:
    """Expected calibration error over 10 bins of confidence (Naeini et al., 2015), by the spread within the bins."""
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)
    gaps = hits - confidence
    count = np.bincount(bins, minlength=CALIBRATION_BINS)
    total = np.bincount(bins, gaps, CALIBRATION_BINS)
    squares = np.bincount(bins, gaps**2, CALIBRATION_BINS)
    value = float(np.abs(total).sum()) / len(hits)
    spread = squares - total**2 / np.maximum(count, 1)
    half = 1.96 * sqrt(max(float(spread.sum()), 0.0)) / len(hits)
    return Measured(value, max(value - half, 0.0), min(value + half, 1.0))


def _share(part: float, whole: float) -> Measured:
    share = part / whole if whole else 0.0
    return _within(share, wilson(share, whole))


def _mean(cases: Floats) -> Measured:
    """`mean_interval` with what it would work out twice."""
    n = len(cases)
    mean = float(np.add.reduce(cases)) / n
    if n < 2:
        return Measured(mean, None, None)
    centred = cases - mean
    half = 1.96 * sqrt(float(centred @ centred) / (n - 1) / n)
    return _within(mean, Interval(mean - half, mean + half))


def _root(square: Measured) -> Measured:
    low, high = (None if one is None else sqrt(max(one, 0.0)) for one in (square.low, square.high))
    return Measured(sqrt(square.value), low, high)


def _within(value: float, found: Interval) -> Measured:
    known = isfinite(found.low) and isfinite(found.high)
    return Measured(value, found.low if known else None, found.high if known else None)


def _defined(found: dict[str, Measured]) -> dict[str, Measured]:
    return {name: one for name, one in found.items() if isfinite(one.value)}
