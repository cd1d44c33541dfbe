"""Scores by a declared objective: which rows are compared, and the constant beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import ObjectiveScores
from penstock.ml.features.frame import Frame
from penstock.ml.metrics.objective import Answers
from penstock.ml.models.model import ModelOutput
from penstock.ml.selection.cross_validation import FoldOutput
from penstock.trainer.data.dataset import TrainingRows
from penstock.trainer.evaluation.comparison import compare, objective_of
from penstock.trainer.evaluation.evaluation import evaluate
from penstock.trainer.evaluation.objective_scores import objective_scores
from penstock.trainer.evaluation.rehearsal import Rehearsal

N, HOLDOUT = 200, slice(100, 200)


def declaration(task: str, metric: str) -> Declaration:
    classes = {} if task == "regression" else {"classes": ["no", "yes"]}
    return Declaration.model_validate(
        {
            "name": "s",
            "task": task,
            "fields": {"x": {"type": "number"}},
            "label": {"name": "y", **classes},
            "objective": {"metric": metric},
        }
    )


def rows(labels: list[Any]) -> TrainingRows:
    times = np.arange(N).astype("datetime64[s]").astype("datetime64[ms]")
    return TrainingRows(Frame({"x": np.zeros(N)}, times), labels, times, np.arange(N), np.full(N, -1), [None] * N)


def scores_of(
    stream: Declaration, labels: list[Any], output: FoldOutput, champion: Rehearsal | None, freshness: float = 0.0
) -> ObjectiveScores:
    comparison = compare(stream, rows(labels), output, champion)
    return objective_scores(objective_of(stream, comparison.classes), comparison, freshness)


def rare_labels() -> list[str]:
    return ["yes" if row % 10 == 0 else "no" for row in range(N)]


def ranked(labels: list[str], shift: float) -> np.ndarray:
    """Probabilities that rank right at no shift, and wrong the larger it is."""
    random = np.random.default_rng(1)
    positive = [0.2 + 0.2 * (label == "yes") + shift * random.uniform(-1, 1) for label in labels]
    return np.array([[1 - p, p] for p in np.clip(positive, 0.01, 0.99)])


def rehearsal(first: int, probabilities: np.ndarray) -> Rehearsal:
    later = np.arange(first, N)
    return Rehearsal(later, Answers(np.zeros(len(later)), probabilities[later]))


def test_a_ranking_is_told_apart_where_all_answers_are_one_class() -> None:
    labels = rare_labels()
    output = FoldOutput(HOLDOUT, ModelOutput(["no"] * 100, ranked(labels, 0.0)[HOLDOUT]))
    champion = rehearsal(50, ranked(labels, 0.3))
    scores = scores_of(declaration("binary", "average_precision"), labels, output, champion)
    assert (scores.candidate.value, round(scores.baseline.value, 1)) == (1.0, 0.1)
    assert 0.1 < scores.champion.value < 1.0
    assert scores.gain.low is not None
    assert scores.gain.low > 0
    assert scores.larger_is_better


@pytest.mark.parametrize(("learnt_until", "compared"), [(0, 100), (100, 100), (160, 40), (200, 0)])
def test_only_rows_that_neither_has_learnt_from_are_compared(learnt_until: int, compared: int) -> None:
    labels = rare_labels()
    output = FoldOutput(HOLDOUT, ModelOutput(["no"] * 100, ranked(labels, 0.0)[HOLDOUT]))
    scores = scores_of(declaration("binary", "log_loss"), labels, output, rehearsal(learnt_until, ranked(labels, 0.0)))
    assert (scores.candidate.rows, scores.champion.rows, scores.gain.rows) == (compared,) * 3
    assert scores.gain.value == pytest.approx(0.0)


def test_where_there_is_no_champion_the_constant_is_one() -> None:
    labels = rare_labels()
    output = FoldOutput(HOLDOUT, ModelOutput(["no"] * 100, ranked(labels, 0.0)[HOLDOUT]))
    scores = scores_of(declaration("binary", "log_loss"), labels, output, None)
    assert scores.champion == scores.baseline
    assert scores.candidate.rows == 100


def test_the_constant_follows_the_labels_that_were_known() -> None:
    labels = ["no"] * 150 + ["yes"] * 50  # a constant of before the holdout would give "yes" 1 in 102 throughout
    output = FoldOutput(HOLDOUT, ModelOutput(["no"] * 100, np.full((100, 2), 0.5)))
    constant = scores_of(declaration("binary", "log_loss"), labels, output, None).baseline.value
    weights = [(row // 5 * 5 - max(0, row // 5 * 5 - 150) + 1, max(0, row // 5 * 5 - 150) + 1) for row in range(100, N)]
    own = [w[labels[row] == "yes"] / sum(w) for row, w in zip(range(100, N), weights, strict=True)]
    assert constant == pytest.approx(-np.log(own).mean(), rel=0.02)


def test_the_constant_beside_a_number_is_the_best_for_its_metric() -> None:
    labels = [0.0] * N
    labels[::4] = [40.0] * (N // 4)  # a median of 0, and a mean of 10
    output = FoldOutput(HOLDOUT, ModelOutput([10.0] * 100))
    for metric, better in (("rmse", False), ("mae", True)):
        scores = scores_of(declaration("regression", metric), labels, output, None)
        assert (scores.baseline.value < scores.candidate.value) is better


def test_accuracy_is_that_of_the_likeliest_class_whatever_is_answered() -> None:
    labels, stream = rare_labels(), declaration("binary", "f1")
    output = FoldOutput(HOLDOUT, ModelOutput(["yes"] * 100, ranked(labels, 0.0)[HOLDOUT]))
    comparison = compare(stream, rows(labels), output, None)
    judged = evaluate(stream, rows(labels), comparison, 0)
    assert judged.candidate.value == judged.champion.value == 0.9
    assert judged.objective is not None
    assert judged.objective.candidate.value == pytest.approx(2 * 10 / 110)
    assert judged.losses is not None
    assert judged.losses.mean == 0.5  # of the answers: all positives are right, no negative is


@pytest.mark.parametrize(("metric", "in_its_unit"), [("mae", 0.5), ("rmse", 0.25)])
def test_freshness_is_in_the_unit_of_the_metric(metric: str, in_its_unit: float) -> None:
    output = FoldOutput(slice(0, N), ModelOutput([1.0] * N))
    scores = scores_of(declaration("regression", metric), [0.0] * N, output, None, freshness=0.5)
    assert scores.candidate.value == 1.0
    assert scores.freshness == in_its_unit, "of a root to first order: half the loss less, at an error of 1"
