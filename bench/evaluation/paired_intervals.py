"""Whether one predictor is better than another on the same rows: a block bootstrap over the blocks of their results."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

import numpy as np

from bench.evaluation.cells import CellResult

RESAMPLES, SEED = 2000, 0
LARGER_IS_BETTER = frozenset({"accuracy", "average_precision"})


def gain_interval(old: CellResult, new: CellResult, metric: str) -> tuple[float, float]:
    """The 95 % interval of how much better the new result is than the old one, in the metric.

    Blocks of rows that both have are drawn with replacement (Künsch, 1989), each with its rows as weight; the interval
    is unbounded with fewer than two.
    """
    means_of_old, means_of_new = block_means(old, metric), block_means(new, metric)
    common = sorted(means_of_old.keys() & means_of_new.keys())
    if len(common) < 2:
        return -np.inf, np.inf
    sign = 1 if metric in LARGER_IS_BETTER else -1
    gains = sign * np.array([means_of_new[row] - means_of_old[row] for row in common])
    rows_of = dict(zip(old["blocks"]["row"], old["blocks"]["rows"], strict=True))
    weights = np.array([rows_of[row] for row in common], dtype=np.float64)
    drawn = np.random.default_rng(SEED).integers(0, len(common), (RESAMPLES, len(common)))
    means = (gains * weights)[drawn].sum(axis=1) / weights[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975]).tolist()
    return low, high


def block_means(result: CellResult, metric: str) -> dict[int, float]:
    """The means of the blocks, by the row where each begins."""
    return dict(zip(result["blocks"]["row"], result["blocks"][metric], strict=True))


def shared_ranks(results: Mapping[str, CellResult], metric: str) -> dict[str, int]:
    """The rank of each: 1, and one more for each that is better beyond the 95 % interval of their difference."""
    return {
        name: 1 + sum(gain_interval(result, other, metric)[0] > 0 for other in results.values())
        for name, result in results.items()
    }


def mean_ranks(ranks: list[dict[str, int]]) -> dict[str, float]:
    """The mean rank of each name, over all streams.

    >>> mean_ranks([{"a": 1, "b": 1}, {"a": 1, "b": 2}])
    {'a': 1, 'b': 1.5}
    """
    return {name: fmean(of_stream[name] for of_stream in ranks) for name in ranks[0]} if ranks else {}
