"""The outcomes of one block, one for each event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import compress
from typing import Any, Literal

import numpy as np
from msgspec import UNSET, Struct
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Task
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.predictions import PredictionData
from penstock.drift_detector.losses import LARGEST_LOSS
from penstock.ml.metrics import score

BLOCK = 100  # outcome offsets
EXPIRED = -1  # the revision of a label that never came

Clock = Literal["provisional", "matured"]


class Block(Struct, array_like=True):
    """Block `number` as far as it came, a row for each event: `marks` tell which.

    `said` is what was told as matured: -1 nothing yet, else how many of the rows had been `revised` by then.
    """

    number: int
    marks: list[int] = []
    answers: list[str | float] = []
    probabilities: list[list[float] | None] = []
    labels: list[str | float | None] = []
    losses: list[float | None] = []
    revisions: list[int] = []
    version: int = 0
    epoch: int = -1
    newest: str = ""
    first_time: datetime | None = None
    last_time: datetime | None = None
    estimate: float | None = None
    error: float | None = None
    revised: int = 0
    said: int = -1
    versions: list[int] = []
    challenged: list[bool] = []
    shadows: list[list[tuple[int, str | float | None]]] = []
    slices: list[list[str]] = []

    def add(
        self,
        marks: Sequence[int],
        outcomes: Sequence[Outcome[Any]],
        losses: Sequence[float | None],
        slices: Sequence[list[str]],
    ) -> None:
        """Take in some events, at least one, by their first outcomes with their losses and slices."""
        told = [outcome.data for outcome in outcomes]
        self.marks += marks
        answers = [data.answer for data in told]
        self.answers += [answer.value for answer in answers]
        self.probabilities += [answer.probabilities for answer in answers]
        self.labels += [data.label for data in told]
        self.losses += losses
        self.revisions += [EXPIRED if data.label is None else data.revision for data in told]
        self.versions += [answer.version for answer in answers]
        self.challenged += [answer.arm == "challenger" for answer in answers]
        self.shadows += [_shadows(answer) for answer in answers]
        self.slices += slices
        for answer in answers:
            if answer.epoch >= self.epoch:
                self.version, self.epoch = answer.version, answer.epoch
        self.newest = outcomes[-1].id
        times = [outcome.time for outcome in outcomes]
        first, last = min(times).astimezone(UTC), max(times).astimezone(UTC)
        self.first_time = first if self.first_time is None else min(self.first_time, first)
        self.last_time = last if self.last_time is None else max(self.last_time, last)

    def correct(self, mark: int, outcome: Outcome[Any], loss: float | None) -> bool:
        """Take in a later outcome of an event: whether its revision is higher than the one that counted so far."""
        row = self.marks.index(mark)
        if outcome.data.revision <= self.revisions[row]:
            return False
        self.labels[row], self.losses[row], self.revisions[row] = outcome.data.label, loss, outcome.data.revision
        self.revised += 1
        return True


@dataclass(frozen=True, slots=True)
class Columns:
    """A block as columns, made once for all who look at it.

    `said` (n,) is what each answer says of itself, a number its value and a class its largest probability, and
    `probabilities` is (n, k): None when not all rows have some. The others hold the rows `known` that have a label.
    """

    said: NDArray[np.float64] | None
    probabilities: NDArray[np.float64] | None
    known: NDArray[np.bool_]
    answers: list[str | float]
    labels: list[str | float]
    losses: NDArray[np.float64]

    def score(self, task: Task) -> float | None:
        """Accuracy or mean absolute error; None without a label."""
        return score(task, self.losses) if len(self.losses) else None


def _shadows(answer: PredictionData) -> list[tuple[int, str | float | None]]:
    return [] if answer.shadow is UNSET else [(one.version, one.value) for one in answer.shadow]


def columns_of(task: Task, block: Block) -> Columns:
    """The columns of a block as it is now."""
    losses = np.array(block.losses, dtype=np.float64)  # None becomes NaN
    known = ~np.isnan(losses)
    answers, labels = block.answers, [label for label in block.labels if label is not None]
    if not known.all():
        losses, answers = losses[known], list(compress(answers, known))
    probabilities = _probabilities(block.probabilities)
    said = numbers(block.answers) if task == "regression" else None
    if said is None and probabilities is not None:
        said = probabilities.max(axis=1)
    return Columns(said, probabilities, known, answers, labels, losses)


def _probabilities(rows: Sequence[list[float] | None]) -> NDArray[np.float64] | None:
    """As a matrix; None when a row has none, or they are of different lengths."""
    if None in rows or not rows[0]:
        return None
    try:
        return np.array(rows, dtype=np.float64)
    except ValueError:
        return None


def numbers(values: Sequence[Any]) -> NDArray[np.float64]:
    """Cut at `LARGEST_LOSS`, so that differences of them can still be told."""
    return np.clip(np.array(values, dtype=np.float64), -LARGEST_LOSS, LARGEST_LOSS)
