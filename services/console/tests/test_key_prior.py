"""How much a sample tells of groups of labels, and which values come again."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from penstock.console.init.key_prior import correlation_error, rows_of_value


def correlation(groups: NDArray[np.int64], labels: NDArray[np.float64]) -> float:
    """Of the labels of pairs of rows of the same group."""
    scaled = (labels - labels.mean()) / labels.std()
    sums = np.bincount(groups, weights=scaled) ** 2 - np.bincount(groups, weights=scaled**2)
    counts = np.bincount(groups)
    return float(sums.sum() / (counts * (counts - 1)).sum())


@pytest.mark.parametrize("share", [0.5, 0.02])
def test_labels_that_groups_tell_nothing_of_seem_no_more_correlated_than_the_error(share: float) -> None:
    random = np.random.default_rng(1)
    within = []
    for _ in range(200):
        groups, labels = random.integers(0, 100, 1000), (random.random(1000) < share).astype(float)
        within.append(abs(correlation(groups, labels)) <= correlation_error(groups.tolist(), labels[:, None]))
    assert np.mean(within) >= 0.94


def test_the_error_falls_with_the_pairs_and_grows_where_a_class_is_rare() -> None:
    random = np.random.default_rng(2)
    groups = random.integers(0, 100, 16_000).tolist()
    by_rows = [
        correlation_error(groups[:rows], (np.arange(rows) % 2)[:, None].astype(float)) for rows in (1000, 4000, 16_000)
    ]
    assert all(3.5 < more / less < 4.5 for more, less in pairwise(by_rows))
    by_share = [
        correlation_error(groups[:1000], (np.arange(1000) % period == 0)[:, None].astype(float))
        for period in (2, 10, 100)
    ]
    assert by_share == sorted(by_share)
    assert by_share[-1] > 2 * by_share[0]


@pytest.mark.parametrize("groups", [["a", "a", "b", "b"], ["a", "b", "c", "d"], [None] * 4])
def test_labels_that_do_not_differ_or_have_no_pair_tell_nothing(groups: list[str | None]) -> None:
    labels = np.zeros((4, 1)) if groups[:2] == ["a", "a"] else np.array([[0.0], [1.0], [0.0], [1.0]])
    assert correlation_error(groups, labels) == float("inf")


def test_rows_of_a_value_are_counted_on_to_the_file() -> None:
    random = np.random.default_rng(3)
    of_fifty = rows_of_value(random.integers(0, 50, 2000).tolist(), 20_000)
    assert of_fifty == pytest.approx(20_000 / 50, rel=0.1)
    assert rows_of_value([row // 4 for row in range(2000)], 20_000) == 0
    assert rows_of_value([None] * 2000, 20_000) == 0
    assert rows_of_value([], 0) == 0
