"""Scores of candidate, champion and baseline on rows that neither candidate nor champion was trained on."""

from __future__ import annotations

import numpy as np

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import AgeLoss, Evaluation
from penstock.ml.metrics import primary_metric
from penstock.ml.metrics.objective import Answers, Objective
from penstock.trainer.data.dataset import TrainingRows
from penstock.trainer.evaluation.ages import freshness
from penstock.trainer.evaluation.calibration_scores import calibration_scores
from penstock.trainer.evaluation.comparison import Comparison, objective_of
from penstock.trainer.evaluation.holdout_losses import holdout_losses
from penstock.trainer.evaluation.objective_scores import objective_scores
from penstock.trainer.evaluation.scores import gain_score, loss_score
from penstock.trainer.evaluation.skew import skew_of
from penstock.trainer.evaluation.slice_scores import slice_scores


def evaluate(
    declaration: Declaration,
    rows: TrainingRows,
    comparison: Comparison,
    champion_version: int,
    ages: tuple[AgeLoss, ...] = (),
    newer: int = 0,
) -> Evaluation:
    """Score candidate, champion and constant on the rows of the comparison; accuracy is that of the likeliest class.

    `ages` is what older models lose more: the model that serves is `newer` by so many rows than the one that is judged.
    """
    task, labels = declaration.task, comparison.labels
    primary = Objective(primary_metric(task), len(comparison.classes))
    candidate = primary.losses(labels, _likeliest(comparison.candidate))
    answers = comparison.constant_answers(primary)
    constant = primary.losses(labels, answers)
    champion = primary.losses(labels, _likeliest(answers if comparison.champion is None else comparison.champion))
    objective = objective_of(declaration, comparison.classes)
    return Evaluation(
        metric=primary_metric(task),
        rarest=comparison.rarest,
        champion_version=champion_version,
        candidate=loss_score(task, candidate),
        champion=loss_score(task, champion),
        baseline=loss_score(task, constant),
        gain=gain_score(champion, candidate),
        objective=objective_scores(objective, comparison, freshness(ages, newer)) if declaration.objective else None,
        losses=holdout_losses(declaration, comparison),
        ages=ages,
        calibration_losses=calibration_scores(comparison, answers) if declaration.objective else None,
        slices=slice_scores(declaration, rows.frame.take(comparison.rows), candidate, champion),
        skew=skew_of(declaration, rows),
    )


def _likeliest(answers: Answers) -> Answers:
    if answers.probabilities is None:
        return answers
    return answers._replace(values=answers.probabilities.argmax(axis=1).astype(np.float64))
