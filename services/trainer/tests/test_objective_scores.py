"""Scores by a declared objective: what the champion answered, a constant beside it, and what is scored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penstock.contracts.declaration.stream import Declaration
from penstock.ml.features.frame import Frame
from penstock.ml.models.model import ModelOutput
from penstock.ml.selection.cross_validation import FoldOutput
from penstock.trainer.data.dataset import TrainingRows
from penstock.trainer.evaluation.objective_scores import objective_scores

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


def rows(labels: list[Any], answers: list[Any], probabilities: list[Any]) -> TrainingRows:
    times = np.arange(N).astype("datetime64[s]").astype("datetime64[ms]")
    offsets = np.arange(N)
    frame = Frame({"x": np.zeros(N)}, times)
    width = 0 if isinstance(labels[0], float) else 2
    given = [[np.nan] * width if each is None or len(each) != width else each for each in probabilities]
    return TrainingRows(
        frame, labels, answers, np.array(given).reshape(N, width), times, offsets, np.full(N, -1), [None] * N
    )


def rare_labels() -> list[str]:
    return ["yes" if row % 10 == 0 else "no" for row in range(N)]


def ranked(labels: list[str], shift: float) -> list[list[float]]:
    """Probabilities that rank right at no shift, and wrong the larger it is."""
    random = np.random.default_rng(1)
    positive = [0.2 + 0.2 * (label == "yes") + shift * random.uniform(-1, 1) for label in labels]
    return [[1 - p, p] for p in np.clip(positive, 0.01, 0.99)]


def test_a_ranking_is_told_apart_where_all_answers_are_one_class() -> None:
    labels = rare_labels()
    served, own = ranked(labels, 0.3), np.array(ranked(labels, 0.0))[HOLDOUT]
    output = FoldOutput(HOLDOUT, ModelOutput(["no"] * 100, own))
    scores = objective_scores(declaration("binary", "average_precision"), rows(labels, ["no"] * N, served), output)
    assert (scores.candidate.value, scores.baseline.value) == (1.0, 0.1)
    assert 0.1 < scores.champion.value < 1.0
    assert scores.gain.low is not None
    assert scores.gain.low > 0
    assert scores.larger_is_better


def test_only_rows_that_the_champion_answered_with_the_classes_of_today_are_scored() -> None:
    labels = rare_labels()
    served: list[Any] = ranked(labels, 0.0)
    served[100:150] = [None] * 50
    served[150:160] = [[0.2, 0.3, 0.5]] * 10
    output = FoldOutput(HOLDOUT, ModelOutput(["no"] * 100, np.array(ranked(labels, 0.0))[HOLDOUT]))
    scores = objective_scores(declaration("binary", "log_loss"), rows(labels, ["no"] * N, served), output)
    assert (scores.candidate.rows, scores.champion.rows, scores.gain.rows) == (40, 40, 40)
    assert scores.gain.value == pytest.approx(0.0)


def test_where_there_is_no_champion_the_baseline_is_one() -> None:
    labels = rare_labels()
    output = FoldOutput(HOLDOUT, ModelOutput(["no"] * 100, np.array(ranked(labels, 0.0))[HOLDOUT]))
    scores = objective_scores(declaration("binary", "log_loss"), rows(labels, [None] * N, [None] * N), output)
    assert scores.champion == scores.baseline
    assert scores.candidate.rows == 100


def test_the_constant_beside_a_number_is_the_best_for_its_metric() -> None:
    labels = [0.0] * N
    labels[::4] = [40.0] * (N // 4)  # a median of 0, and a mean of 10
    output = FoldOutput(HOLDOUT, ModelOutput([10.0] * 100))
    served: list[Any] = [None] * N
    for metric, better in (("rmse", False), ("mae", True)):
        scores = objective_scores(declaration("regression", metric), rows(labels, served, served), output)
        assert (scores.baseline.value < scores.candidate.value) is better
