"""Scores over time: of each block of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WARMUP = 0.1  # share of the rows, from the first, that the score leaves out
MIN_BLOCK_ROWS, MAX_BLOCKS = 100, 60  # of the score over time


@dataclass(frozen=True)
class BlockScore:
    """The score of the block of rows that begins at `row` (None: no row of it has a prediction and a label).

    `baseline` is the score of a constant on the same rows (None: it was not computed).
    """

    row: int
    score: float | None
    baseline: float | None = None


def block_size(rows: int) -> int:
    """The rows of a block of the score over time, of `rows` rows in all.

    >>> block_size(45_312), block_size(1500)
    (755, 100)
    """
    return max(MIN_BLOCK_ROWS, rows // MAX_BLOCKS)


def score_by_block(
    numbers: NDArray[np.int64],
    scores: NDArray[np.float64],
    count: int,
    baseline: NDArray[np.float64] | None = None,
) -> list[BlockScore]:
    """The mean score of every block of rows.

    Args:
        numbers: of the rows that have a score, shape (n,).
        scores: of these rows, shape (n,).
        count: how many rows there are in all.
        baseline: the scores of a constant on these rows, shape (n,).

    >>> score_by_block(np.array([0, 99, 200]), np.array([1.0, 0.0, 1.0]), 201)[1:]
    [BlockScore(row=100, score=None, baseline=None), BlockScore(row=200, score=1.0, baseline=None)]
    """
    size = block_size(count)
    blocks = -(-count // size)
    means = _block_means(numbers // size, scores, blocks)
    constant = [None] * blocks if baseline is None else _block_means(numbers // size, baseline, blocks)
    return [BlockScore(block * size, means[block], constant[block]) for block in range(blocks)]


def _block_means(block_of_row: NDArray[np.int64], scores: NDArray[np.float64], blocks: int) -> list[float | None]:
    rows = np.bincount(block_of_row, minlength=blocks)
    totals = np.bincount(block_of_row, weights=scores, minlength=blocks)
    return [round(float(totals[block] / rows[block]), 6) if rows[block] else None for block in range(blocks)]
