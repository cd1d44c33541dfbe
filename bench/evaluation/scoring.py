"""Scores of answers, and what of them is kept: for each block of rows and metric a mean that adds up to the score.

A metric that is no mean of losses (average precision, the root of a mean) is taken apart by its derivative in the
weight of each row (the infinitesimal jackknife: Jaeckel, 1972; Efron, 1982): the rows' values have the score as their
mean, and differences of means of blocks can be bootstrapped as those of a mean loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.references.answers import Answers
from bench.evaluation.references.feature_matrix import Metric

WARMUP = 0.1  # share of the rows, from the first, that scores leave out
MIN_BLOCK_ROWS, MAX_BLOCKS = 100, 60  # as in Penstock's report
DIGITS = 5  # significant, of the means that are kept

Values = NDArray[np.float64]


def score_answers(labels: Values, answers: Answers, positive: int, count: int, numbers: Values) -> dict[str, Any]:
    """The metrics of the answers, and their means by block.

    Args:
        labels: codes of classes or numbers, shape (n,); none is missing.
        answers: to the same rows.
        positive: the code of the positive one of two classes.
        count: how many rows the file has.
        numbers: of the rows, shape (n,).
    """
    counts = numbers >= int(WARMUP * count)
    values = row_values(labels[counts], answers.values[counts], answers.probabilities[counts], positive)
    size = max(MIN_BLOCK_ROWS, count // MAX_BLOCKS)
    blocks, block_of_row = np.unique(numbers[counts].astype(np.int64) // size, return_inverse=True)
    rows = np.bincount(block_of_row)
    means = {
        name: [float(f"{mean:.{DIGITS}g}") for mean in (np.bincount(block_of_row, weights=of_rows) / rows).tolist()]
        for name, of_rows in values.items()
    }
    return {
        "metrics": {name: round(float(of_rows.mean()), 6) for name, of_rows in values.items() if len(of_rows)},
        "blocks": {"row": (blocks * size).tolist(), "rows": rows.tolist(), **means},
    }


def row_values(labels: Values, answers: Values, probabilities: Values, positive: int) -> Mapping[Metric, Values]:
    """For each metric a value of each row, shape (n,), whose mean is the metric."""
    if not probabilities.shape[1]:
        errors = np.abs(answers - labels)
        return {"mae": errors, "rmse": _root_mean_values(errors**2)}
    values: dict[Metric, Values] = {
        "accuracy": (answers == labels).astype(np.float64),
        "log_loss": Answers(answers, probabilities).losses(labels),
    }
    if probabilities.shape[1] == 2 and np.count_nonzero(labels == positive) > 0:
        values["average_precision"] = average_precision_values(labels == positive, probabilities[:, positive])
    return values


def average_precision_values(positives: NDArray[np.bool_], scores: Values) -> Values:
    """The average precision plus n times its derivative in the weight of each of n rows, shape (n,)."""
    order = np.argsort(-scores, kind="stable")
    ranked, ordered = positives[order].astype(np.float64), scores[order]
    last_of_tie = np.searchsorted(-ordered, -ordered, side="right") - 1
    first_of_tie = np.searchsorted(-ordered, -ordered, side="left")
    hits, answered = np.cumsum(ranked)[last_of_tie], last_of_tie + 1.0
    total = ranked.sum()
    precision = float((ranked * hits / answered).sum() / total)

    def from_here(terms: Values) -> Values:
        """The sum of the terms of all rows that rank at or below each."""
        return np.cumsum((ranked * terms)[::-1])[::-1][first_of_tie]

    of_positive = (hits / answered - precision + from_here((answered - hits) / answered**2)) / total
    of_negative = -from_here(hits / answered**2) / total
    values = np.empty(len(scores))
    values[order] = precision + len(scores) * np.where(ranked > 0, of_positive, of_negative)
    return values


def _root_mean_values(squares: Values) -> Values:
    root = float(np.sqrt(squares.mean())) if len(squares) else 0.0
    return root + (squares - root**2) / (2 * root) if root else squares
