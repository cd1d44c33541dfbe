"""What a champion answers to a batch, and the rows of it that it fails at, found by halving the batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penstock.server.models.arm import Answers, Arm
from penstock.server.scoring.model_inputs import ModelInputs

MAX_ODD_ROWS = 8  # of a batch; what is beyond is not asked for row by row

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class OddRows:
    """The rows of a batch that a champion fails at, and the error of the first."""

    rows: Rows
    error: Exception

    def texts(self, inputs: ModelInputs) -> list[str]:
        """For each row a text that tells it from others."""
        columns = [values[self.rows].tolist() for values in inputs.frame.columns.values()]
        return [repr(row) for row in zip(*columns, strict=True)]


Part = tuple[Rows | None, Answers]
"""Answers to some rows of a batch, to all if None."""


async def champion_answers(champion: Arm, inputs: ModelInputs) -> tuple[list[Part], OddRows | None]:
    """The answers to a batch, in parts, and the rows that are left without."""
    try:
        answers = await champion.model.answer(inputs.frame, inputs.entities)
    except Exception as error:  # a model may fail in any way
        parts, odd = await _answer_by_halves(champion, inputs)
        if odd:
            return parts, OddRows(np.concatenate(odd), error)
        return parts, None
    champion.failures.record_success()
    return [(None, answers)], None


async def _answer_by_halves(champion: Arm, inputs: ModelInputs) -> tuple[list[Part], list[Rows]]:
    """Halve what fails, down to single rows; once these are too many the rest counts as failed."""
    parts: list[Part] = []
    odd: list[Rows] = []
    failing = [np.arange(len(inputs.entities))]
    while failing:
        rows = failing.pop()
        if len(rows) == 1 or len(odd) >= MAX_ODD_ROWS:
            odd.append(rows)
            continue
        for half in np.array_split(rows, 2):
            chosen = inputs.take(half)
            try:
                parts.append((half, await champion.model.answer(chosen.frame, chosen.entities)))
            except Exception:  # as before
                failing.append(half)
    return parts, odd
