"""Scores: the values of rows have each metric as their mean, and say what each row's weight changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from bench.evaluation.references.answers import Answers
from bench.evaluation.scoring import DIGITS, average_precision_values, row_values, score_answers
from penstock.console.replay.report.scores import WARMUP, block_size
from penstock.ml.metrics.objective import Answers as ProductAnswers
from penstock.ml.metrics.objective import Objective

SEEDS = st.integers(0, 1000)


def binary_rows(seed: int, count: int = 200) -> tuple[np.ndarray, Answers]:
    """Labels, and probabilities with ties that tell of them."""
    random = np.random.default_rng(seed)
    labels = (random.random(count) < 0.2).astype(float)
    labels[0] = 1.0
    chances = np.clip(np.round(random.random(count) * 0.8 + 0.2 * labels, 1), 0, 1)
    return labels, Answers((chances > 0.5).astype(float), np.column_stack([1 - chances, chances]))


@given(SEEDS)
def test_each_metric_is_what_penstock_reports(seed: int) -> None:
    labels, answers = binary_rows(seed)
    for name, values in row_values(labels, answers.values, answers.probabilities, 1).items():
        expected = Objective(name, 2).score(labels, ProductAnswers(answers.values, answers.probabilities))  # type: ignore[arg-type]
        assert values.mean() == pytest.approx(expected, rel=1e-9)
    numbers = np.random.default_rng(seed).normal(size=(2, 50))
    for name, values in row_values(numbers[0], numbers[1], np.empty((50, 0)), 1).items():
        expected = Objective(name).score(numbers[0], ProductAnswers(numbers[1]))  # type: ignore[arg-type]
        assert values.mean() == pytest.approx(expected)


@given(SEEDS, st.integers(0, 199))
def test_a_row_has_the_derivative_of_the_average_precision_in_its_weight(seed: int, row: int) -> None:
    labels, answers = binary_rows(seed)
    scores, weights, step = answers.probabilities[:, 1], np.ones(len(labels)), 1e-6
    weights[row] += step
    before = sk.average_precision_score(labels, scores)
    slope = (sk.average_precision_score(labels, scores, sample_weight=weights) - before) / step
    values = average_precision_values(labels == 1, scores)
    assert (values[row] - before) / len(labels) == pytest.approx(slope, abs=1e-6)


@given(st.integers(30, 400), SEEDS)
def test_blocks_add_up_to_the_score_of_the_rows_after_the_warm_up(count: int, seed: int) -> None:
    labels, answers = binary_rows(seed, count)
    labels[-1] = 1.0
    numbers = np.arange(count)[np.random.default_rng(seed).random(count) < 0.9]
    numbers = np.union1d(numbers, [count - 1])
    result = score_answers(labels[numbers], answers.of(numbers), 1, count, numbers.astype(float))
    counted = numbers[numbers >= int(WARMUP * count)]
    assert result["metrics"]["accuracy"] == pytest.approx(np.mean(answers.values[counted] == labels[counted]), abs=1e-6)
    blocks = result["blocks"]
    assert all(row % block_size(count) == 0 for row in blocks["row"])
    assert sum(blocks["rows"]) == len(counted)
    for metric, score in result["metrics"].items():
        mean = np.average(blocks[metric], weights=blocks["rows"])
        assert mean == pytest.approx(score, abs=2 * 10.0 ** (1 - DIGITS) * max(map(abs, blocks[metric])) + 1e-6)
