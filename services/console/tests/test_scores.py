"""Scores of predictions against the labels of the rows that were sent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.console.replay.scores import RowLabels, block_size, score, score_by_block
from penstock.console.replay.stream_watch import WatchedPrediction


def labelled_rows(count: int) -> RowLabels:
    """Rows `e0`, `e1`, … whose label is `a`."""
    return RowLabels({f"e{n}": n for n in range(count)}, {f"e{n}": "a" for n in range(count)})


def test_the_score_leaves_the_warm_up_out() -> None:
    rows = labelled_rows(20)
    predictions = {f"e{n}": WatchedPrediction("b" if n < 2 else "a", 0) for n in range(20)}
    assert score(predictions, rows, "binary") == 1.0
    predictions["e2"] = WatchedPrediction("b", 0)
    assert score(predictions, rows, "binary") == pytest.approx(17 / 18)
    del rows.labels["e2"]
    assert score(predictions, rows, "binary") == 1.0
    del predictions["e3"]
    assert score(predictions, rows, "binary") == 1.0
    assert score({}, rows, "binary") is None


def test_a_number_is_scored_by_its_mean_absolute_error() -> None:
    rows = RowLabels({"e0": 0, "e1": 1}, {"e0": 1.0, "e1": 2.0})
    predictions = {"e0": WatchedPrediction(2.0, 0), "e1": WatchedPrediction(5.0, 0)}
    assert score(predictions, rows, "regression") == 2.0


@given(count=st.integers(1, 700), scored=st.sets(st.integers(0, 699)), seed=st.integers(0, 9))
def test_a_block_has_the_mean_score_of_its_rows(count: int, scored: set[int], seed: int) -> None:
    numbers = np.array(sorted(row for row in scored if row < count), dtype=np.int64)
    scores = np.random.default_rng(seed).random(len(numbers))
    blocks, size = score_by_block(numbers, scores, count), block_size(count)
    assert [block.row for block in blocks] == list(range(0, count, size))
    for block in blocks:
        inside = scores[(numbers >= block.row) & (numbers < block.row + size)]
        assert block.score == (pytest.approx(inside.mean(), abs=1e-6) if len(inside) else None)
