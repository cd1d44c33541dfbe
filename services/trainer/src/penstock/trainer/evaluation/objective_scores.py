"""Candidate, champion and baseline by the metric that a stream declares as its objective."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import ObjectiveScores, Score
from penstock.ml.features.class_index import ClassIndex
from penstock.ml.metrics import Difference, Interval
from penstock.ml.metrics.objective import Answers, Objective
from penstock.ml.selection.cross_validation import FoldOutput, answers_of
from penstock.ml.selection.validation_plan import known_rows
from penstock.trainer.data.dataset import TrainingRows, label_classes

PRIOR_WEIGHT = 1.0  # of each class before any label: a class that was never seen still has a probability


def objective_of(declaration: Declaration, classes: Sequence[str]) -> Objective:
    """The objective of a stream, whose labels have these classes; none for a regression."""
    quantile = 0.5 if declaration.objective is None else declaration.objective.quantile
    return Objective(declaration.metric, len(classes), quantile)


def objective_scores(declaration: Declaration, rows: TrainingRows, candidate_output: FoldOutput) -> ObjectiveScores:
    """The scores on the holdout; of the champion's rows alone if it answered any, else the baseline is the champion."""
    classes = label_classes(declaration, rows.labels)
    objective, holdout = objective_of(declaration, classes), candidate_output.rows
    numbers = ClassIndex(classes).numbers(rows.labels)
    labels, earlier = numbers[holdout], numbers[known_rows(rows.known_at, holdout.start)]
    baseline = _constant_answers(objective, earlier, len(labels))
    champion, scored = _champion_answers(rows, holdout, classes)
    if not scored.any():
        champion, scored = baseline, ~scored
    candidate = answers_of(candidate_output.output, classes)
    labels = labels[scored]
    candidate, champion, baseline = (answers.take(scored) for answers in (candidate, champion, baseline))
    return ObjectiveScores(
        metric=objective.metric,
        larger_is_better=objective.larger_is_better,
        candidate=_score(objective, labels, candidate),
        champion=_score(objective, labels, champion),
        baseline=_score(objective, labels, baseline),
        gain=_gain(objective.gain(labels, champion, candidate)),
    )


def _champion_answers(rows: TrainingRows, holdout: slice, classes: Sequence[str]) -> tuple[Answers, NDArray[np.bool_]]:
    """What the champion answered on the holdout, and which rows it answered, as one of the classes of today."""
    values = ClassIndex(classes).numbers([np.nan if each is None else each for each in rows.champion_answers[holdout]])
    if not classes:
        return Answers(values), ~np.isnan(values)
    probabilities = rows.champion_probabilities[holdout]
    answered = ~np.isnan(values) & ~np.isnan(probabilities).any(axis=1)
    return Answers(values, probabilities), answered


def _constant_answers(objective: Objective, labels: NDArray[np.float64], count: int) -> Answers:
    """What a constant answers that knew only the labels before: the median, or the classes by their frequency."""
    if not objective.classes:
        return Answers(np.full(count, _constant(objective, labels)))
    weights = np.bincount(labels.astype(np.int64), minlength=objective.classes) + PRIOR_WEIGHT
    probabilities = np.tile(weights / weights.sum(), (count, 1))
    return Answers(np.full(count, float(np.argmax(weights))), probabilities)


def _constant(objective: Objective, labels: NDArray[np.float64]) -> float:
    """The best constant for the metric: a mean for squared errors, a quantile for absolute ones."""
    match objective.metric:
        case "rmse":
            return float(labels.mean())
        case "rmsle":
            return float(np.expm1(np.log1p(np.maximum(labels, 0.0)).mean()))
        case _:
            return float(np.quantile(labels, objective.quantile))


def _score(objective: Objective, labels: NDArray[np.float64], answers: Answers) -> Score:
    value = objective.score(labels, answers)
    low, high = objective.interval(labels, answers).bounds
    return Score(value=0.0 if isnan(value) else value, low=low, high=high, rows=len(labels))


def _gain(gain: Difference) -> Score:
    low, high = Interval(gain.low, gain.high).bounds
    return Score(value=0.0 if isnan(gain.mean) else gain.mean, low=low, high=high, rows=gain.n)
