"""The outcomes of one block, one for each event, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import compress
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from penstock.contracts.declaration import Declaration, Task
from penstock.contracts.ids import derived_id
from penstock.contracts.monitoring import Estimate, Measure, Statistics
from penstock.contracts.outcomes import Outcome
from penstock.drift_detector.identity import SOURCE
from penstock.ml.metrics import Measured, measure_classes, measure_numbers, primary_metric, score

BLOCK = 100  # outcome offsets
LARGEST_LOSS = 1e300  # so that thousands of them can still be summed

EXPIRED = -1  # the revision of a label that never came

Clock = Literal["provisional", "matured"]


def loss_of(task: Task, outcome: Outcome[Any]) -> float | None:
    """0 or 1 for a class, the absolute error (at most `LARGEST_LOSS`) for a number; None without a label."""
    answer, label = outcome.data.prediction.value, outcome.data.label
    if label is None:
        return None
    return min(abs(float(answer) - float(label)), LARGEST_LOSS) if task == "regression" else float(answer != label)


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

    def add(self, marks: Sequence[int], outcomes: Sequence[Outcome[Any]], losses: Sequence[float | None]) -> None:
        """Take in some events, at least one, by their first outcomes with their losses."""
        told = [outcome.data for outcome in outcomes]
        self.marks += marks
        self.answers += [data.prediction.value for data in told]
        self.probabilities += [data.prediction.probabilities for data in told]
        self.labels += [data.label for data in told]
        self.losses += losses
        self.revisions += [EXPIRED if data.label is None else data.revision for data in told]
        for data in told:
            if data.prediction.epoch >= self.epoch:
                self.version, self.epoch = data.prediction.version, data.prediction.epoch
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


def statistics(
    stream: str, declaration: Declaration, block: Block, columns: Columns, clock: Clock, time: datetime
) -> Statistics:
    """What a block that holds at least one outcome tells now."""
    assert block.first_time is not None
    assert block.last_time is not None
    joined, start = len(columns.losses), block.number * BLOCK
    return Statistics(
        source=SOURCE,
        id=derived_id("statistics", stream, start) if clock == "provisional" else matured_id(stream, block),
        time=time,
        cause=block.newest,
        stream=stream,
        start=start,
        stop=start + BLOCK,
        joined=joined,
        expired=len(block.marks) - joined,
        metric=primary_metric(declaration.task),
        score=columns.score(declaration.task),
        coverage=joined / len(block.marks),
        version=block.version,
        epoch=block.epoch,
        first_time=block.first_time,
        last_time=block.last_time,
        clock=clock,
        revised=block.revised,
        metrics=measured(declaration, columns),
        estimate=None if block.estimate is None else _estimate(block, block.estimate),
    )


def matured_id(stream: str, block: Block) -> str:
    """The id of what a matured block tells; another once more of its labels were corrected."""
    return derived_id("statistics", stream, block.number * BLOCK, "matured", block.revised)


def _estimate(block: Block, expected: float) -> Estimate:
    return Estimate(score=expected, answers=len(block.answers), error=block.error)


def measured(declaration: Declaration, columns: Columns) -> dict[str, Measure]:
    """All metrics of the rows that have a label."""
    return {
        name: Measure.model_construct(value=one.value, low=one.low, high=one.high)  # finite: nothing to check
        for name, one in _measured(declaration, columns).items()
    }


def _measured(declaration: Declaration, columns: Columns) -> dict[str, Measured]:
    if declaration.task == "regression":
        return measure_numbers(numbers(columns.answers), numbers(columns.labels))
    given = None if columns.probabilities is None else columns.probabilities[columns.known]
    return measure_classes(columns.answers, columns.labels, given, declaration.label.classes)


def numbers(values: Sequence[Any]) -> NDArray[np.float64]:
    """Cut at `LARGEST_LOSS`, so that differences of them can still be told."""
    return np.clip(np.array(values, dtype=np.float64), -LARGEST_LOSS, LARGEST_LOSS)
