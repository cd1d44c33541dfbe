"""What a stream's models are to be good at: one metric, by which they are selected, compared and reported.

Of k classes, labels and answers are codes below k; of a regression they are numbers. All arrays have a row for
each of n outcomes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, isfinite, nan, sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from penstock.ml.metrics.intervals import Difference, Interval, mean_interval, paired_difference
from penstock.ml.metrics.probability_losses import log_losses
from penstock.ml.metrics.scores import LARGEST_LOSS

ObjectiveMetric = Literal[
    "log_loss",
    "average_precision",
    "roc_auc",
    "f1",
    "balanced_accuracy",
    "accuracy",
    "cost",
    "rmse",
    "mae",
    "pinball",
    "rmsle",
]
LossName = Literal["error", "cost", "log_loss", "absolute_error", "squared_error", "squared_log_error", "pinball"]
LOSSES: dict[ObjectiveMetric, LossName] = {
    "log_loss": "log_loss",
    "average_precision": "log_loss",
    "roc_auc": "log_loss",
    "f1": "error",
    "balanced_accuracy": "error",
    "accuracy": "error",
    "cost": "cost",
    "rmse": "squared_error",
    "mae": "absolute_error",
    "pinball": "pinball",
    "rmsle": "squared_log_error",
}
"""What one answer loses, by the metric that is the objective."""
WEIGHS_CLASSES_ALIKE = frozenset({"f1", "balanced_accuracy"})
LARGER_IS_BETTER = frozenset({"average_precision", "roc_auc", "f1", "balanced_accuracy", "accuracy"})

RESAMPLES = 200
SEED = 0

Floats = NDArray[np.float64]


class Answers(NamedTuple):
    """Answers to n rows, shape (n,), and for classes their probabilities, shape (n, k)."""

    values: Floats
    probabilities: Floats | None = None

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Answers:
        """The answers to the chosen rows."""
        return Answers(self.values[rows], None if self.probabilities is None else self.probabilities[rows])


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric, and what it needs.

    That is the number of classes (0: a regression), the quantile of a pinball loss, the code of the positive class of
    two, and for the metric `cost` what each answer (column) costs by the true class (row).
    """

    metric: ObjectiveMetric
    classes: int = 0
    quantile: float = 0.5
    positive: int = 1
    costs: tuple[tuple[float, ...], ...] | None = None

    @property
    def larger_is_better(self) -> bool:
        """Whether the better of two scores is the larger."""
        return self.metric in LARGER_IS_BETTER

    def losses(self, labels: Floats, answers: Answers) -> Floats:
        """The loss of each answer, shape (n,): what detectors and sequential tests watch; only a cost may be below 0.

        Of a ranking (average precision, ROC AUC) it is the log loss; of F1 and balanced accuracy 1 for a wrong class,
        weighted so that each class of the labels counts alike; of RMSE and RMSLE the squared error, of the logarithm.
        """
        match self.metric:
            case "log_loss" | "average_precision" | "roc_auc":
                assert answers.probabilities is not None
                return log_losses(answers.probabilities, labels.astype(np.int64))
            case "accuracy":
                return np.asarray(answers.values != labels, dtype=np.float64)
            case "cost":
                return _costs(labels, answers.values, self.costs)
            case "f1" | "balanced_accuracy":
                return np.asarray((answers.values != labels) * _class_weights(labels, self.classes))
            case "mae":
                return np.abs(_errors(labels, answers.values))
            case "pinball":
                errors = _errors(labels, answers.values)
                return np.maximum(self.quantile * errors, (self.quantile - 1) * errors)
            case "rmse":
                return _errors(labels, answers.values) ** 2
            case "rmsle":
                return _errors(*(np.log1p(np.maximum(numbers, 0.0)) for numbers in (labels, answers.values))) ** 2

    def score(self, labels: Floats, answers: Answers) -> float:
        """The metric; NaN without rows, and where it is undefined, as a ranking of one class is.

        >>> Objective("rmse").score(np.array([1.0, 5.0]), Answers(np.array([1.0, 3.0])))
        1.4142135623730951
        """
        if not len(labels):
            return nan
        match self.metric:
            case "average_precision" | "roc_auc":
                return _mean_over_classes(self, labels, answers.probabilities)
            case "f1":
                return _f1(self, labels, answers.values)
            case "balanced_accuracy":
                return float(np.mean([(answers.values[labels == each] == each).mean() for each in np.unique(labels)]))
            case "accuracy":
                return float((answers.values == labels).mean())
            case "rmse" | "rmsle":
                return sqrt(float(self.losses(labels, answers).mean()))
            case _:
                return float(self.losses(labels, answers).mean())

    def interval(self, labels: Floats, answers: Answers) -> Interval:
        """The 95 % interval of `score`: of a mean the normal one, else by block bootstrap."""
        if not self.is_mean:
            return _bootstrap(labels, lambda rows: self.score(labels[rows], answers.take(rows)))
        losses = self.losses(labels, answers)
        return mean_interval(1 - losses if self.larger_is_better else losses)

    def gain(self, labels: Floats, old: Answers, new: Answers) -> Difference:
        """How much better the new answers are than the old ones to the same rows, in the metric, with a 95 % interval.

        A mean is compared by paired losses, another metric by block bootstrap (Künsch, 1989) over the rows in their
        order, whose blocks hold what is alike in rows that follow each other.
        """
        if self.is_mean:
            return paired_difference(self.losses(labels, old), self.losses(labels, new))
        sign = 1 if self.larger_is_better else -1

        def gain_on(rows: NDArray[np.intp]) -> float:
            return sign * (self.score(labels[rows], new.take(rows)) - self.score(labels[rows], old.take(rows)))

        interval = _bootstrap(labels, gain_on)
        return Difference(gain_on(np.arange(len(labels))), interval.low, interval.high, len(labels))

    @property
    def is_mean(self) -> bool:
        """Whether the metric is the mean of its losses, or one less it."""
        return self.metric in ("log_loss", "accuracy", "cost", "mae", "pinball")


def _errors(labels: Floats, answers: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.clip(labels - answers, -LARGEST_LOSS, LARGEST_LOSS)


def _costs(labels: Floats, answers: Floats, costs: tuple[tuple[float, ...], ...] | None) -> Floats:
    """What the answers cost; one that is of no known class, as an earlier model's may be, costs as much as any."""
    assert costs is not None
    table, known = np.array(costs), np.isfinite(answers)
    paid = table[labels.astype(np.int64), np.where(known, answers, 0).astype(np.int64)]
    return np.asarray(np.where(known, paid, table.max()))


def _class_weights(labels: Floats, classes: int) -> Floats:
    """For each label the weight of its class, shape (n,): the mean of all is 1, and all classes weigh alike."""
    codes = labels.astype(np.int64)
    counts = np.bincount(codes, minlength=classes)
    return np.asarray(len(labels) / (np.count_nonzero(counts) * counts[codes]))


def _mean_over_classes(objective: Objective, labels: Floats, probabilities: Floats | None) -> float:
    """Of two classes the positive one's; of more the mean over those that occur, each against the rest."""
    from sklearn import metrics  # noqa: PLC0415 (slow to import, and few services need it)

    assert probabilities is not None
    measure = metrics.average_precision_score if objective.metric == "average_precision" else metrics.roc_auc_score
    columns = [objective.positive] if objective.classes == 2 else range(objective.classes)
    truths = [(column, labels == column) for column in columns]
    areas = [float(measure(true, probabilities[:, column])) for column, true in truths if 0 < true.sum() < len(true)]
    return float(np.mean(areas)) if areas else nan


def _f1(objective: Objective, labels: Floats, answers: Floats) -> float:
    """Of two classes the positive one's, NaN if it never occurs; of more the mean over those that occur."""
    columns = [float(objective.positive)] if objective.classes == 2 else np.unique(labels).tolist()
    values = []
    for column in columns:
        hits = float(((labels == column) & (answers == column)).sum())
        both = float((labels == column).sum() + (answers == column).sum())
        values.append(2 * hits / both if both else nan)
    return float(np.mean(values))


def _bootstrap(labels: Floats, statistic: Callable[[NDArray[np.intp]], float]) -> Interval:
    """The 2.5 and 97.5 % quantiles of a statistic of rows, over moving blocks drawn anew; no bounds where undefined."""
    n = len(labels)
    if n < 2:
        return Interval(-np.inf, np.inf)
    size = max(1, ceil(n ** (1 / 3)))
    starts = np.random.default_rng(SEED).integers(0, n - size + 1, (RESAMPLES, ceil(n / size)))
    drawn = (starts[:, :, None] + np.arange(size)).reshape(RESAMPLES, -1)[:, :n]
    values = np.array([value for rows in drawn if isfinite(value := statistic(rows))])
    if len(values) < RESAMPLES / 2:
        return Interval(-np.inf, np.inf)
    low, high = np.quantile(values, [0.025, 0.975]).tolist()
    return Interval(low, high)
