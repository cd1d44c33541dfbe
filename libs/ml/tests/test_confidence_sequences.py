"""Intervals that may be looked at at any time, and traffic shared by chances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ml.metrics.best_arm_probabilities import best_arm_probabilities
from penstock.ml.metrics.confidence_sequences import MIN_CASES, Moments, always_valid, always_valid_difference

LOSSES = st.lists(st.floats(-1e6, 1e6), max_size=30)


@given(LOSSES, LOSSES)
def test_moments_of_parts_add_up_to_those_of_the_whole(first: list[float], second: list[float]) -> None:
    whole, added = Moments.of(first + second), Moments.of(first) + Moments.of(second)
    assert added.n == whole.n
    assert added.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-6)
    assert added.squares == pytest.approx(whole.squares, rel=1e-9, abs=1e-3)


def missed(share: float, runs: int = 200, n: int = 3000, every: int = 20) -> float:
    """How often an interval leaves the true mean out at any of many looks, over many runs."""
    rng, misses = np.random.default_rng(7), 0
    for _ in range(runs):
        losses = (rng.random(n) < share).astype(float)
        sums = losses.cumsum()
        looks = range(MIN_CASES, n, every)
        moments = (Moments(k, sums[k - 1] / k, sums[k - 1] - sums[k - 1] ** 2 / k) for k in looks)
        misses += any(not bounds.low <= share <= bounds.high for bounds in map(always_valid, moments))
    return misses / runs


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_looking_again_and_again_does_not_spoil_the_interval(share: float) -> None:
    assert missed(share) <= 0.08


def test_an_interval_narrows_and_says_nothing_of_too_few() -> None:
    widths = [always_valid(Moments(n, 0.2, 0.16 * n)).high - 0.2 for n in (MIN_CASES, 100, 1000, 10_000)]
    assert widths == sorted(widths, reverse=True)
    assert always_valid(Moments(MIN_CASES - 1, 0.2, 5.0)).high == math.inf


def test_losses_that_are_all_equal_are_not_taken_for_certainty() -> None:
    bounds = always_valid(Moments(MIN_CASES, 0.0, 0.0))
    assert bounds.high > 0.05


def test_a_difference_has_the_sign_of_the_worse_minus_the_better() -> None:
    worse, better = Moments(2000, 0.4, 480.0), Moments(2000, 0.2, 320.0)
    assert always_valid_difference(worse, better).low > 0
    assert always_valid_difference(better, worse).high < 0
    same = always_valid_difference(worse, worse)
    assert same.low < 0 < same.high


@given(st.lists(st.tuples(st.integers(0, 500), st.floats(0, 1)), min_size=1, max_size=5), st.integers(0, 2**31))
def test_chances_are_shares_of_one_and_the_same_for_a_seed(arms: list[tuple[int, float]], seed: int) -> None:
    moments = [Moments(n, mean if n else 0.0, n * mean * (1 - mean)) for n, mean in arms]
    found = best_arm_probabilities(moments, seed)
    assert sum(found) == pytest.approx(1)
    assert found == best_arm_probabilities(moments, seed)


def test_the_best_arm_gets_the_greatest_chance_and_the_unknown_keep_one() -> None:
    good, bad, unknown = Moments(400, 0.1, 36.0), Moments(400, 0.4, 96.0), Moments()
    found = best_arm_probabilities([bad, good, unknown], seed=3)
    assert found[1] == max(found)
    assert found[2] > 0.001
    assert found[0] < 0.01


def test_moments_and_intervals_of_the_largest_losses_are_finite() -> None:
    block = Moments.of([1e102, -1e102, 1e300, 5e-324, 1e100])
    total = sum([block] * 1000, Moments())
    bounds = always_valid(total, scale=1e102)
    assert np.isfinite([total.mean, total.squares, bounds.low, bounds.high]).all()
    assert always_valid(block).bounds == (None, None)
