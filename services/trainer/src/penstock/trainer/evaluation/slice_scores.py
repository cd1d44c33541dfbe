"""Candidate and champion on each declared slice of the holdout."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.monitoring import LONGEST_SLICE_VALUE
from penstock.contracts.records.training import SliceScores
from penstock.ml.features.frame import Frame
from penstock.trainer.evaluation.scores import gain_score, loss_score

MAX_VALUES = 50  # of a field, the most frequent


def slice_scores(
    declaration: Declaration, frame: Frame, candidate: NDArray[np.float64], champion: NDArray[np.float64]
) -> tuple[SliceScores, ...]:
    """The scores of n rows, with n losses each, by field and value; for values with at least `gates.holdout` rows."""
    task, minimum = declaration.task, declaration.gates.holdout
    return tuple(
        SliceScores(
            field=field,
            value=value,
            candidate=loss_score(task, candidate[rows]),
            champion=loss_score(task, champion[rows]),
            gain=gain_score(champion[rows], candidate[rows]),
        )
        for field in declaration.slices
        for value, rows in _rows_by_value(frame.columns[field], minimum)
    )


def _rows_by_value(column: NDArray[Any], minimum: int) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The values, the most frequent first, each with its rows; an empty text for a missing value."""
    texts = np.array([_text(value) for value in column.tolist()], dtype=object)
    values, counts = np.unique(texts.astype(str), return_counts=True)
    for index in np.argsort(-counts, kind="stable")[:MAX_VALUES]:
        if counts[index] >= minimum:
            yield str(values[index]), texts == values[index]


def _text(value: Any) -> str:
    """As the drift-detector writes it: a boolean is a number here."""
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    if isinstance(value, float):
        return {0.0: "false", 1.0: "true"}.get(value, str(value))
    return str(value)[:LONGEST_SLICE_VALUE]
