"""A block by the stream's objective: its metric, and what its answers lose by the loss that the objective names."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from penstock.contracts.declaration.answer_costs import cost_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.monitoring import ObjectiveStatistics
from penstock.drift_detector.answer_loss import answer_loss, loss_name
from penstock.drift_detector.quality.outcome_block import BlockColumns, OutcomeBlock, finite_floats
from penstock.ml.features.class_index import ClassIndex
from penstock.ml.metrics.confidence_sequences import Moments
from penstock.ml.metrics.objective import Answers, Floats, Objective

OF_PROBABILITIES = frozenset({"log_loss", "average_precision", "roc_auc"})


def objective_losses(declaration: Declaration, block: OutcomeBlock) -> list[float | None]:
    """What the answer of each row loses; None without a label, and where it is not known."""
    if declaration.objective is None:
        return [None] * len(block.labels)
    rows = zip(block.answers, block.probabilities, block.labels, strict=True)
    return [
        None if label is None else answer_loss(declaration, answer, probabilities, label)
        for answer, probabilities, label in rows
    ]


def loss_moments(declaration: Declaration, losses: Sequence[float | None]) -> LossMoments | None:
    """The losses that are known, by their moments; None if none is."""
    moments = Moments.of([loss for loss in losses if loss is not None])
    if not moments.n:
        return None
    return LossMoments(loss=loss_name(declaration), rows=moments.n, mean=moments.mean, squares=moments.squares)


def objective_statistics(
    declaration: Declaration, columns: BlockColumns, losses: Sequence[float | None]
) -> ObjectiveStatistics | None:
    """The block by the declared objective; None if none is declared."""
    if declaration.objective is None:
        return None
    score = _score(declaration, columns)
    return ObjectiveStatistics(
        metric=declaration.metric,
        score=score if score is not None and isfinite(score) else None,
        loss=loss_moments(declaration, losses),
    )


def _score(declaration: Declaration, columns: BlockColumns) -> float | None:
    """The metric over the labelled rows; None where it cannot be computed."""
    if declaration.task == "regression":
        answers = Answers(finite_floats(columns.answers))
        return _objective(declaration).score(finite_floats(columns.labels), answers)
    classes, probabilities = declaration.label.classes, columns.probabilities
    if declaration.metric not in OF_PROBABILITIES:
        return _score_of_classes(declaration, columns, None)
    if probabilities is None or probabilities.shape[1] != len(classes):
        return None
    return _score_of_classes(declaration, columns, probabilities[columns.is_labelled])


def _score_of_classes(declaration: Declaration, columns: BlockColumns, probabilities: Floats | None) -> float:
    index = ClassIndex(declaration.label.classes)
    answers, labels = index.numbers(columns.answers), index.numbers(columns.labels)
    declared = ~np.isnan(labels)  # a label of an earlier declaration is of no class
    return _objective(declaration).score(labels[declared], Answers(answers, probabilities).take(declared))


def _objective(declaration: Declaration) -> Objective:
    classes, positive, objective = declaration.label.classes, declaration.positive_class, declaration.objective
    assert objective is not None
    return Objective(
        declaration.metric,
        len(classes),
        quantile=objective.quantile,
        positive=1 if positive is None else classes.index(positive),
        costs=None if objective.costs is None else cost_table(objective.costs, classes),
    )
