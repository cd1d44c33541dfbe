"""Scores of predictions against the labels of the rows that were sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from penstock.console.replay.stream_watch import WatchedPrediction
from penstock.contracts.declaration.stream import Task

WARMUP = 0.1  # share of the rows, from the first, that the score leaves out
MIN_BLOCK_ROWS, MAX_BLOCKS = 100, 60  # of the score over time


@dataclass
class RowLabels:
    """The rows that were sent: their numbers and their labels, by event id."""

    numbers: dict[str, int] = field(default_factory=dict)
    labels: dict[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True)
class BlockScore:
    """The score of the block of rows that begins at `row` (None: no row of it has a prediction and a label)."""

    row: int
    score: float | None


def score(
    predictions: Mapping[str, WatchedPrediction],
    rows: RowLabels,
    task: Task,
    first: int | None = None,
    last: int | None = None,
) -> float | None:
    """Accuracy, or the mean absolute error for regression, of the predictions for labelled rows.

    Args:
        predictions: by event id.
        rows: that were sent.
        task: of the stream.
        first: the number of the first row that counts; None: the first after the warm-up.
        last: the number of the first row after those that count; None: all rows count.

    Returns:
        The score, or None if no row of them has a prediction and a label.
    """
    numbers, scores = row_scores(predictions, rows, task)
    first = int(WARMUP * len(rows.numbers)) if first is None else first
    last = len(rows.numbers) if last is None else last
    counted = scores[(numbers >= first) & (numbers < last)]
    return float(counted.mean()) if len(counted) else None


def row_scores(
    predictions: Mapping[str, WatchedPrediction], rows: RowLabels, task: Task
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The numbers of the rows with a prediction and a label, shape (n,), and the score of each, shape (n,).

    The score of a row is 1 or 0 for a class, and the absolute error for a number.
    """
    pairs = [
        (rows.numbers[record_id], predictions[record_id].value, label)
        for record_id, label in rows.labels.items()
        if record_id in predictions
    ]
    if task == "regression":
        scores = [abs(float(value) - float(label)) for _, value, label in pairs]
    else:
        scores = [float(value == label) for _, value, label in pairs]
    return np.array([number for number, _, _ in pairs], dtype=np.int64), np.array(scores, dtype=np.float64)


def block_size(rows: int) -> int:
    """The rows of a block of the score over time, of `rows` rows in all.

    >>> block_size(45_312), block_size(1500)
    (755, 100)
    """
    return max(MIN_BLOCK_ROWS, rows // MAX_BLOCKS)


def score_by_block(numbers: NDArray[np.int64], scores: NDArray[np.float64], count: int) -> list[BlockScore]:
    """The mean score of every block of rows.

    Args:
        numbers: of the rows that have a score, shape (n,).
        scores: of these rows, shape (n,).
        count: how many rows there are in all.

    >>> score_by_block(np.array([0, 99, 200]), np.array([1.0, 0.0, 1.0]), 201)
    [BlockScore(row=0, score=0.5), BlockScore(row=100, score=None), BlockScore(row=200, score=1.0)]
    """
    size = block_size(count)
    blocks = -(-count // size)
    block_of_row = numbers // size
    scored = np.bincount(block_of_row, minlength=blocks)
    totals = np.bincount(block_of_row, weights=scores, minlength=blocks)
    return [
        BlockScore(block * size, round(float(totals[block] / scored[block]), 6) if scored[block] else None)
        for block in range(blocks)
    ]
