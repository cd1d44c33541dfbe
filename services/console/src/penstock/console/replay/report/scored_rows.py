"""Predictions beside the labels of the rows that were sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from penstock.console.replay.report.baseline import constant_class, running_median
from penstock.console.replay.report.metrics import Metrics, classification_metrics, regression_metrics
from penstock.console.replay.rows.row_labels import RowLabels
from penstock.console.replay.watch.event_columns import EventColumns
from penstock.contracts.declaration.answer_costs import cost_table
from penstock.contracts.declaration.stream import Declaration, Task
from penstock.ml.models.decision_costs import DecisionCosts


@dataclass(frozen=True)
class ScoredRows:
    """The rows with an answer and a label, in order. Of classes, answers and labels are codes.

    Attributes:
        task: of the stream.
        classes: the names of the codes; empty for regression.
        numbers: of the rows, shape (n,).
        answers: shape (n,).
        labels: shape (n,).
        epochs: which the answers are of, shape (n,).
        probabilities: of the declared classes, shape (n, k); None where they are not kept.
        positive: the code of the positive one of two classes.
        costs: of the answers (column) by the label (row), (k, k), where they are declared.
    """

    task: Task
    classes: Sequence[str]
    numbers: NDArray[np.int64]
    answers: NDArray[np.float64]
    labels: NDArray[np.float64]
    epochs: NDArray[np.int64]
    probabilities: NDArray[np.float32] | None
    positive: int = 1
    costs: DecisionCosts | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def between(self, first: int, last: int) -> ScoredRows:
        """Those of the rows with numbers `[first, last)`."""
        return self.where((self.numbers >= first) & (self.numbers < last))

    def where(self, mask: NDArray[np.bool_]) -> ScoredRows:
        """Those of the rows where the mask, shape (n,), is true."""
        return replace(
            self,
            numbers=self.numbers[mask],
            answers=self.answers[mask],
            labels=self.labels[mask],
            epochs=self.epochs[mask],
            probabilities=None if self.probabilities is None else self.probabilities[mask],
        )

    def scores(self) -> NDArray[np.float64]:
        """Of each row, shape (n,): 1 or 0 for a class, and the absolute error for a number."""
        if self.task == "regression":
            with np.errstate(over="ignore"):
                return np.asarray(np.abs(self.answers - self.labels))
        return np.asarray(self.answers == self.labels, dtype=np.float64)

    def score(self) -> float | None:
        """Accuracy, or the mean absolute error; None without rows."""
        return float(self.scores().mean()) if len(self) else None

    def metrics(self, quantile: float | None = None) -> Metrics:
        """All metrics of the task; with a `quantile` the pinball loss for it, too."""
        if self.task == "regression":
            return regression_metrics(self.answers, self.labels, quantile)
        return classification_metrics(
            self.answers.astype(np.int64),
            self.labels.astype(np.int64),
            self.probabilities,
            self.classes,
            self.positive,
            self.costs,
        )

    def baseline(self) -> ScoredRows:
        """The same rows, answered by the constant that fits the labels of the rows before."""
        if self.task == "regression":
            return replace(self, answers=running_median(self.labels))
        answers, shares = constant_class(self.labels.astype(np.int64), len(self.classes), self.costs)
        return replace(
            self, answers=answers.astype(np.float64), probabilities=None if self.probabilities is None else shares
        )


def scored_rows(
    events: EventColumns, slots: NDArray[np.int64], rows: RowLabels, declaration: Declaration
) -> ScoredRows:
    """The rows that were predicted and have a label; `slots` are those of all rows, shape (n,), -1 for none."""
    task, objective, positive = declaration.task, declaration.objective, declaration.positive_class
    labels, epochs = rows.labels(), events.epochs(slots)
    numbers = np.flatnonzero(~np.isnan(labels) & (epochs >= 0))
    slots, labels = slots[numbers], labels[numbers]
    if task != "regression":
        codes = [events.classes.setdefault(name, len(events.classes)) for name in rows.classes]
        labels = np.array(codes, dtype=np.float64)[labels.astype(np.int64)]
    classes = () if task == "regression" else tuple(events.classes)
    return ScoredRows(
        task,
        classes,
        numbers,
        events.values(slots) if len(slots) else np.empty(0),
        labels,
        epochs[numbers],
        events.probabilities(slots) if task != "regression" else None,
        1 if positive is None else classes.index(positive),
        None if objective is None or objective.costs is None else cost_table(objective.costs, classes),
    )
