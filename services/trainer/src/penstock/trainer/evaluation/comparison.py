"""Candidate and champion on the same rows, which neither has learnt from, and a constant beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.answer_costs import cost_table
from penstock.contracts.declaration.stream import Declaration
from penstock.ml.features.class_index import ClassIndex
from penstock.ml.metrics.objective import Answers, Objective
from penstock.ml.selection.cross_validation import FoldOutput, answers_of
from penstock.trainer.data.dataset import TrainingRows, label_classes
from penstock.trainer.evaluation.rehearsal import Rehearsal
from penstock.trainer.evaluation.running_constant import running_constants

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The n `rows` that are compared, ascending, their labels by codes, and the answers; no champion: the constant."""

    all_rows: TrainingRows
    rows: NDArray[np.intp]
    classes: tuple[str, ...]
    numbers: Floats
    candidate: Answers
    champion: Answers | None

    @property
    def labels(self) -> Floats:
        """The labels of the rows as numbers, shape (n,)."""
        return np.asarray(self.numbers[self.rows])

    @property
    def rarest(self) -> int | None:
        """How many of all labels are of the rarest class, None for numbers."""
        return int(np.unique(self.numbers, return_counts=True)[1].min()) if self.classes else None

    def constant_answers(self, objective: Objective) -> Answers:
        """What a constant answers that knows the labels so far."""
        return running_constants(objective, self.numbers, self.all_rows.known_at, self.rows)


def compare(
    declaration: Declaration, rows: TrainingRows, candidate: FoldOutput, champion: Rehearsal | None
) -> Comparison:
    """Of the rows that the candidate answered without having learnt from them those that the champion answered so."""
    classes = label_classes(declaration, rows.labels)
    holdout = np.arange(candidate.rows.start, candidate.rows.stop)
    candidate_answers = answers_of(candidate.output, classes)
    champion_answers = None
    if champion is not None:
        at, of_champion = shared_rows(holdout, champion.rows)
        holdout, candidate_answers, champion_answers = (
            holdout[at],
            candidate_answers.take(at),
            champion.answers.take(of_champion),
        )
    numbers = ClassIndex(classes).numbers(rows.labels)
    return Comparison(rows, holdout, classes, numbers, candidate_answers, champion_answers)


def objective_of(declaration: Declaration, classes: Sequence[str]) -> Objective:
    """The objective of a stream, whose labels have these classes; none for a regression."""
    declared, positive = declaration.objective, declaration.positive_class
    return Objective(
        declaration.metric,
        len(classes),
        quantile=0.5 if declared is None else declared.quantile,
        positive=1 if positive is None else classes.index(positive),
        costs=None if declared is None or declared.costs is None else cost_table(declared.costs, classes),
    )


def shared_rows(a: NDArray[np.intp], b: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows that are in both, ascending, by their positions in each."""
    _, in_a, in_b = np.intersect1d(a, b, assume_unique=True, return_indices=True)
    return in_a, in_b
