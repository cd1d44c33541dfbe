"""Candidate, champion and baseline on rows that the candidate had not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration import Declaration, Task
from penstock.contracts.training import Evaluation, Score
from penstock.ml.baseline import baseline
from penstock.ml.families import class_order
from penstock.ml.metrics import interval, losses, paired_difference, primary_metric, score
from penstock.ml.models import Answers
from penstock.ml.selection import Selection
from penstock.trainer.dataset import Rows


def evaluate(declaration: Declaration, rows: Rows, selection: Selection, held: slice, answers: Answers) -> Evaluation:
    """Judge the candidate by its answers to the rows `held`; the champion's answers are those it served."""
    task = declaration.task
    truth = rows.labels[held]
    constant = _prior_answer(declaration, rows.labels[: max(1, held.start - rows.gap)])
    candidate = losses(task, answers.values, truth)
    champion = losses(task, rows.served[held], truth)
    gain = paired_difference(champion, candidate)
    return Evaluation(
        metric=primary_metric(task),
        candidate=_score(task, candidate),
        champion=_score(task, champion),
        baseline=_score(task, losses(task, [constant] * len(truth), truth)),
        gain=Score(value=gain.mean, low=gain.low, high=gain.high, rows=gain.n),
        families=selection.scores,
        failed=selection.failed,
    )


def _prior_answer(declaration: Declaration, labels: Sequence[Any]) -> Any:
    """What a constant model would have said that knew only the labels of the training part."""
    if declaration.task == "regression":
        return float(median(labels))
    classes = class_order(labels, declaration.label.classes)
    return classes[int(np.argmax(baseline(declaration.task, classes, Counter(labels), []).estimator.answer))]


def _score(task: Task, case_losses: NDArray[np.float64]) -> Score:
    found = interval(task, case_losses)
    return Score(value=score(task, case_losses), low=found.low, high=found.high, rows=len(case_losses))
