"""What a return would gain: over the newest outcomes where the world has turned back, else over all."""

from __future__ import annotations

import numpy as np
import pytest

from penstock.trainer.evaluation.comparison import Floats
from penstock.trainer.evaluation.return_evidence import newest_gain


def gains_of(seed: int, *parts: tuple[int, float]) -> Floats:
    """Parts of n gains that vary by .3 around a mean."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(mean, 0.3, n) for n, mean in parts])


def test_a_champion_that_was_good_for_long_is_returned_from_once_its_world_has_turned() -> None:
    gains = gains_of(0, (1000, -0.4), (150, 0.5))
    moments, low = newest_gain(gains, 1.0)
    assert gains.mean() < 0 < low < moments.mean
    assert 60 <= moments.n <= 150


def test_where_nothing_turned_all_outcomes_bound_it_highest() -> None:
    moments, low = newest_gain(gains_of(1, (900, 0.4)), 1.0)
    assert moments.n == 900
    assert 0.3 < low < 0.4


def test_where_there_is_nothing_to_gain_no_look_shows_a_gain() -> None:
    """Of 2,000 samples at a level of .999 some two may; the bound is far wider than that."""
    assert sum(newest_gain(gains_of(seed, (400, 0.0)), 1.0)[1] > 0 for seed in range(2000)) <= 2


@pytest.mark.parametrize("n", [0, 1, 29])
def test_too_few_outcomes_show_nothing(n: int) -> None:
    moments, low = newest_gain(gains_of(0, (n, 1.0)), 1.0)
    assert moments.n == n
    assert low == -np.inf
