"""Candidate, champion and baseline on rows that the candidate had not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import Evaluation, SearchSummary
from penstock.ml.features.class_index import class_order
from penstock.ml.metrics import losses, primary_metric
from penstock.ml.models.baseline import baseline
from penstock.ml.models.model import ModelOutput
from penstock.ml.selection.family_selection import Selection
from penstock.trainer.data.dataset import Rows
from penstock.trainer.evaluation.scores import gain_score, loss_score
from penstock.trainer.evaluation.skew import skew_of
from penstock.trainer.evaluation.slice_scores import slice_scores


def evaluate(
    declaration: Declaration, rows: Rows, selection: Selection, held: slice, answers: ModelOutput
) -> Evaluation:
    """Judge the candidate by its answers to the rows `held`; the champion's answers are those it served.

    Where anybody was asked, imported history does not count. Where nobody was, it is all there is, and the champion is
    taken to say what a constant model would.
    """
    task = declaration.task
    truth = rows.labels[held]
    constant = _prior_answer(declaration, rows.labels[: max(1, held.start - rows.gap)])
    judged, served = _judged(rows.served[held]), [constant if said is None else said for said in rows.served[held]]
    candidate = losses(task, answers.values, truth)[judged]
    champion = losses(task, served, truth)[judged]
    return Evaluation(
        metric=primary_metric(task),
        candidate=loss_score(task, candidate),
        champion=loss_score(task, champion),
        baseline=loss_score(task, losses(task, [constant] * len(truth), truth)[judged]),
        gain=gain_score(champion, candidate),
        slices=slice_scores(declaration, rows.frame.take(held).take(judged), candidate, champion),
        skew=skew_of(declaration, rows),
        families=selection.scores,
        failed=selection.failed,
        search=_searched(selection) if declaration.models.search.trials else None,
    )


def _searched(selection: Selection) -> SearchSummary:
    failed = len(selection.failed)
    return SearchSummary(
        trials=len(selection.scores) + failed + selection.pruned,
        pruned=selection.pruned,
        failed=failed,
        family=selection.chosen.family,
        settings=dict(selection.chosen.settings),
    )


def _judged(served: Sequence[Any]) -> NDArray[np.bool_]:
    """Which rows count: those that were asked, or all when none was."""
    asked = np.array([said is not None for said in served])
    return asked if asked.any() else ~asked


def _prior_answer(declaration: Declaration, labels: Sequence[Any]) -> Any:
    """What a constant model would have said that knew only the labels of the training part."""
    if declaration.task == "regression":
        return float(median(labels))
    classes = class_order(labels, declaration.label.classes)
    return classes[int(np.argmax(baseline(declaration.task, classes, Counter(labels), []).estimator.answer))]
