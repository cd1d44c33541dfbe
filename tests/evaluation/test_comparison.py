"""Comparisons of a stream's results: paired intervals, ranks that are shared, and the recovery after a change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.evaluation.comparison import COLUMNS, OURS, RIVALS, StreamComparison, recovery
from bench.evaluation.paired_intervals import gain_interval, mean_ranks, shared_ranks

from .sample_results import BLOCK, CHANGING, IN_TIME, cell_result


def noisy_result(level: float, seed: int, metric: str = "accuracy", noise: float = 0.05) -> dict[str, Any]:
    """A result whose blocks vary around a level."""
    result = cell_result(level, metric)
    random = np.random.default_rng(seed)
    result["blocks"][metric] = (level + noise * random.standard_normal(len(result["blocks"]["row"]))).tolist()
    return result


@given(st.sampled_from(["accuracy", "average_precision", "log_loss", "mae"]), st.integers(0, 50))
def test_what_is_better_in_every_block_is_better_beyond_the_interval(metric: str, seed: int) -> None:
    low_result = noisy_result(0.6, seed, metric)
    high_result = noisy_result(0.6, seed, metric)
    high_result["blocks"][metric] = [mean + 0.01 for mean in high_result["blocks"][metric]]
    low, high = gain_interval(low_result, high_result, metric)
    assert (low, high) == pytest.approx((0.01, 0.01) if metric in ("accuracy", "average_precision") else (-0.01, -0.01))
    ranks = shared_ranks({"low": low_result, "high": high_result}, metric)
    assert ranks["high" if low > 0 else "low"] == 1
    assert ranks["low" if low > 0 else "high"] == 2


def test_results_within_the_interval_share_the_better_rank() -> None:
    results = {"a": noisy_result(0.7, 1), "b": noisy_result(0.7, 2), "worst": noisy_result(0.5, 3)}
    assert shared_ranks(results, "accuracy") == {"a": 1, "b": 1, "worst": 3}
    assert mean_ranks([]) == {}


def test_a_block_weighs_as_many_rows_as_it_has() -> None:
    old, new = cell_result(0.5), cell_result(0.5, score_from={0: 0.5, 6000: 0.6})
    few_rows = [BLOCK if row < 6000 else 1 for row in old["blocks"]["row"]]
    low, high = gain_interval(old, new, "accuracy")
    assert low < 0.054 < high
    old["blocks"]["rows"] = few_rows
    assert gain_interval(old, new, "accuracy")[1] < 0.002


def test_the_rank_is_against_the_best_of_each_rival() -> None:
    references = {column: cell_result(0.5) for column in COLUMNS}
    assert StreamComparison(IN_TIME, references, [cell_result(0.9)], {}).ranks() == {
        **dict.fromkeys(RIVALS, 2),
        OURS: 1,
    }
    with_best_lags = references | {"calendar, lags": cell_result(0.95), "forest, lags": cell_result(0.95)}
    ranks = StreamComparison(IN_TIME, with_best_lags, [cell_result(0.9)], {}).ranks()
    assert ranks == {"static": 4, "linear": 4, "tree": 4, "calendar": 1, "forest": 1, OURS: 3}
    assert StreamComparison(IN_TIME, {"static": cell_result(0.9)}, [cell_result(0.1)], {}).ranks() is None
    assert StreamComparison(IN_TIME, references, [], {}).ranks() is None
    errors = {column: cell_result(5.0, "mae") for column in COLUMNS}
    found = StreamComparison(IN_TIME, errors, [cell_result(4.0, "mae")], {}).ranks()
    assert found is not None
    assert found[OURS] == 1


@pytest.mark.parametrize(("metric", "good", "bad"), [("accuracy", 0.9, 0.6), ("mae", 1.0, 3.0)])
def test_recovery_is_counted_from_the_change(metric: str, good: float, bad: float) -> None:
    references = {"static": cell_result(bad, metric), "forest": cell_result(good, metric)}
    ours = cell_result(bad, metric, {0: good, 6000: bad, 7400: good})
    assert recovery(StreamComparison(CHANGING, references, [ours], {}), 6000, 12_000) == 1400
    never_recovered = cell_result(bad, metric, {0: good, 6000: bad})
    assert recovery(StreamComparison(CHANGING, references, [never_recovered], {}), 6000, 12_000) is None
    assert recovery(StreamComparison(CHANGING, {}, [ours], {}), 6000, 12_000) is None
