"""Answers to every row of a stream, and what they are before the first model: the last known label, known shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.references.feature_matrix import FeatureMatrix, Matrix
from bench.evaluation.references.label_delay import LabelCutoffs, last_known_labels

LEAST_PROBABILITY = 1e-15  # of the true class, as in the loss that Penstock reports

RowNumbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers to n rows, shape (n,), and of k classes their probabilities, shape (n, k); of a regression (n, 0)."""

    values: NDArray[np.float64]
    probabilities: Matrix

    def of(self, rows: slice | RowNumbers) -> Answers:
        """The answers to some of the rows."""
        return Answers(self.values[rows], self.probabilities[rows])

    def put(self, rows: slice, answers: Answers) -> None:
        """Replace the answers to a span of the rows."""
        self.values[rows], self.probabilities[rows] = answers.values, answers.probabilities

    def losses(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        """The log loss or the absolute error of each answer, shape (n,); NaN where the label is missing."""
        if not self.probabilities.shape[1]:
            return np.abs(self.values - labels)
        known = ~np.isnan(labels)
        losses = np.full(len(labels), np.nan)
        given = self.probabilities[known, labels[known].astype(np.int64)]
        losses[known] = -np.log(np.clip(given, LEAST_PROBABILITY, 1.0))
        return losses


@dataclass(frozen=True, eq=False)
class ReferencePredictions:
    """A reference's answers to all rows, and what they cost.

    Attributes:
        answers: to each row.
        retrains: how many models it trained.
        trained_rows: rows that these learnt from, in all.
        training_seconds: CPU seconds of learning.
        loss_by_trainings: of an oracle, the mean loss at 1, 2, ... trainings.
    """

    answers: Answers
    retrains: int = 0
    trained_rows: int = 0
    training_seconds: float = 0.0
    loss_by_trainings: tuple[float, ...] = ()

    @property
    def values(self) -> NDArray[np.float64]:
        """The answer to each row, shape (n,)."""
        return self.answers.values


PredictAll = Callable[[FeatureMatrix, LabelCutoffs, int, int], ReferencePredictions]
"""Answers all rows, from the labels known at each; then the training delay in rows, and a seed."""


def answers_without_model(rows: FeatureMatrix, cutoffs: LabelCutoffs) -> Answers:
    """The last known label, and as probabilities the shares of the classes so far, each counted once more."""
    classes = len(rows.class_counts)
    hits = np.vstack([np.zeros(classes), np.cumsum(rows.labels[:, None] == np.arange(classes), axis=0)])
    counts = hits[cutoffs] + 1
    return Answers(last_known_labels(rows.labels, cutoffs), counts / counts.sum(axis=1, keepdims=True))


def predict_last(rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int) -> ReferencePredictions:
    """Answer with the last known label."""
    del training_delay, seed
    return ReferencePredictions(answers_without_model(rows, cutoffs))
