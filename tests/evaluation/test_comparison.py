"""Comparisons of a stream's results: ranks, mean ranks, and the recovery after a change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.evaluation.comparison import COLUMNS, OURS, StreamComparison, mean_ranks, ranks, recovery

from .sample_results import CHANGING, IN_TIME, cell_result


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 4).map(float), min_size=1), st.booleans())
def test_ranks_add_up_and_equal_scores_share_theirs(scores: dict[str, float], higher_is_better: bool) -> None:
    rank_of = ranks(scores, higher_is_better=higher_is_better)
    assert sum(rank_of.values()) == pytest.approx(len(scores) * (len(scores) + 1) / 2)
    for name, score in scores.items():
        for other_name, other_score in scores.items():
            is_better = score > other_score if higher_is_better else score < other_score
            assert (rank_of[name] < rank_of[other_name]) == is_better


def test_the_mean_rank_is_over_streams_with_all_columns() -> None:
    references = {column: cell_result(0.5) for column in COLUMNS}
    complete = StreamComparison(IN_TIME, references, [cell_result(0.9)])
    partial = StreamComparison(IN_TIME, {"static": cell_result(0.9)}, [cell_result(0.1)])
    errors = StreamComparison(
        IN_TIME, {column: cell_result(5.0, "mae") for column in COLUMNS}, [cell_result(4.0, "mae")]
    )
    means, count = mean_ranks([complete, partial, errors])
    assert (means[OURS], count) == (1.0, 2)
    assert mean_ranks([partial]) == ({}, 0)


@pytest.mark.parametrize(("metric", "good", "bad"), [("accuracy", 0.9, 0.6), ("mae", 1.0, 3.0)])
def test_recovery_is_counted_from_the_change(metric: str, good: float, bad: float) -> None:
    references = {"static": cell_result(bad, metric), "adaptive forest": cell_result(good, metric)}
    ours = cell_result(bad if metric == "mae" else good, metric, {0: good, 6000: bad, 7400: good})
    assert recovery(StreamComparison(CHANGING, references, [ours]), 6000, 12_000) == 1400
    never_recovered = cell_result(bad, metric, {0: good, 6000: bad})
    assert recovery(StreamComparison(CHANGING, references, [never_recovered]), 6000, 12_000) is None
    assert recovery(StreamComparison(CHANGING, {}, [ours]), 6000, 12_000) is None
