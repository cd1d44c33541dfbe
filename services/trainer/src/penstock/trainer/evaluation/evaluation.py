"""Scores of candidate, champion and baseline on rows that the candidate was not trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import Evaluation, SearchSummary
from penstock.ml.metrics import losses, primary_metric
from penstock.ml.models.baseline import baseline
from penstock.ml.selection.cross_validation import FoldOutput
from penstock.ml.selection.family_selection import Selection
from penstock.ml.selection.validation_plan import known_rows
from penstock.trainer.data.dataset import TrainingRows, label_classes
from penstock.trainer.evaluation.holdout_losses import holdout_losses
from penstock.trainer.evaluation.objective_scores import objective_scores
from penstock.trainer.evaluation.scores import gain_score, loss_score
from penstock.trainer.evaluation.skew import skew_of
from penstock.trainer.evaluation.slice_scores import slice_scores


def evaluate(
    declaration: Declaration, rows: TrainingRows, selection: Selection, candidate_output: FoldOutput
) -> Evaluation:
    """Score the candidate by its output for the holdout; the champion by the answers that it served.

    Imported history is left out of the scores if any holdout row has a champion's answer. If none has, history is all
    there is, and the champion is scored as the constant model of the prior.
    """
    task, holdout = declaration.task, candidate_output.rows
    truth, served = rows.labels[holdout], rows.champion_answers[holdout]
    prior = _prior_answer(declaration, [rows.labels[row] for row in known_rows(rows.known_at, holdout.start)])
    scored = _scored_rows(served)
    candidate = losses(task, candidate_output.output.values, truth)[scored]
    champion = losses(task, [prior if answer is None else answer for answer in served], truth)[scored]
    return Evaluation(
        metric=primary_metric(task),
        candidate=loss_score(task, candidate),
        champion=loss_score(task, champion),
        baseline=loss_score(task, losses(task, [prior] * len(truth), truth)[scored]),
        gain=gain_score(champion, candidate),
        objective=objective_scores(declaration, rows, candidate_output) if declaration.objective else None,
        losses=holdout_losses(declaration, rows, candidate_output),
        slices=slice_scores(declaration, rows.frame.take(holdout).take(scored), candidate, champion),
        skew=skew_of(declaration, rows),
        families=selection.scores,
        failed=selection.failed,
        search=_search_summary(selection) if declaration.models.search.trials else None,
    )


def _search_summary(selection: Selection) -> SearchSummary:
    failed = len(selection.failed)
    return SearchSummary(
        trials=len(selection.scores) + failed + selection.pruned,
        pruned=selection.pruned,
        failed=failed,
        family=selection.best.family,
        settings=dict(selection.best.settings),
    )


def _scored_rows(champion_answers: Sequence[Any]) -> NDArray[np.bool_]:
    """The rows that count: those with a champion's answer, or all if none has one."""
    answered = np.array([answer is not None for answer in champion_answers])
    return answered if answered.any() else ~answered


def _prior_answer(declaration: Declaration, labels: Sequence[Any]) -> Any:
    """The answer of a constant model that knew only the labels of the training part."""
    if declaration.task == "regression":
        return float(median(labels))
    classes = label_classes(declaration, labels)
    return classes[int(np.argmax(baseline(declaration.task, classes, Counter(labels), []).estimator.answer))]
