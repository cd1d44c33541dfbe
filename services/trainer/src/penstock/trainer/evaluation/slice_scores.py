"""Candidate and champion on each declared slice of the holdout."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import SliceScores
from penstock.ml.features.frame import Frame
from penstock.trainer.evaluation.scores import gain_score, loss_score

MOST_VALUES = 50  # of a field, the most frequent


def slice_scores(
    declaration: Declaration, frame: Frame, candidate: NDArray[np.float64], champion: NDArray[np.float64]
) -> tuple[SliceScores, ...]:
    """By field and value, where at least as many rows as the gates ask for have it; of n rows with their n losses."""
    task, least = declaration.task, declaration.gates.holdout
    return tuple(
        SliceScores(
            field=field,
            value=value,
            candidate=loss_score(task, candidate[rows]),
            champion=loss_score(task, champion[rows]),
            gain=gain_score(champion[rows], candidate[rows]),
        )
        for field in declaration.slices
        for value, rows in _values(frame.columns[field], least)
    )


def _values(column: NDArray[Any], least: int) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The values met, the most frequent first, each with its rows; an empty text where one is missing."""
    texts = np.array([_text(value) for value in column.tolist()], dtype=object)
    values, counts = np.unique(texts.astype(str), return_counts=True)
    for place in np.argsort(-counts, kind="stable")[:MOST_VALUES]:
        if counts[place] >= least:
            yield str(values[place]), texts == values[place]


def _text(value: Any) -> str:
    """As the drift-detector writes it: a boolean is a number here."""
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    return {0.0: "false", 1.0: "true"}.get(value, str(value)) if isinstance(value, float) else str(value)
