"""Scores of rows, and of blocks of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.console.replay.report.scored_rows import ScoredRows
from penstock.console.replay.report.scores import block_size, score_by_block
from penstock.contracts.declaration.stream import Task


def rows_of(task: Task, answers: list[float], labels: list[float]) -> ScoredRows:
    """All rows, from number 0."""
    numbers = np.arange(len(labels))
    classes = () if task == "regression" else ("a", "b")
    return ScoredRows(task, classes, numbers, np.array(answers), np.array(labels), np.zeros_like(numbers), None)


def test_a_class_is_right_or_wrong() -> None:
    rows = rows_of("binary", [0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0])
    assert rows.score() == 0.75
    assert rows.between(0, 2).score() == 0.5
    assert rows.between(4, 9).score() is None


def test_a_number_is_scored_by_its_mean_absolute_error() -> None:
    assert rows_of("regression", [2.0, 5.0], [1.0, 2.0]).score() == 2.0


@given(count=st.integers(1, 700), scored=st.sets(st.integers(0, 699)), seed=st.integers(0, 9))
def test_a_block_has_the_mean_score_of_its_rows(count: int, scored: set[int], seed: int) -> None:
    numbers = np.array(sorted(row for row in scored if row < count), dtype=np.int64)
    scores = np.random.default_rng(seed).random(len(numbers))
    blocks, size = score_by_block(numbers, scores, count), block_size(count)
    assert [block.row for block in blocks] == list(range(0, count, size))
    for block in blocks:
        inside = scores[(numbers >= block.row) & (numbers < block.row + size)]
        assert block.score == (pytest.approx(inside.mean(), abs=1e-6) if len(inside) else None)
