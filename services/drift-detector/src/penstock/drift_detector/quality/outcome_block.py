"""Outcome blocks: the outcomes at a fixed number of consecutive offsets, one row for each event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import compress
from typing import Any, Literal

import numpy as np
from msgspec import UNSET, Struct
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Task
from penstock.contracts.input_bounds import to_utc
from penstock.contracts.outcome_order import EXPIRED, counts
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.predictions import PredictionData
from penstock.ml.features.class_index import ClassIndex
from penstock.ml.metrics import LARGEST_LOSS, score

OUTCOME_BLOCK = 100  # outcome offsets
NOT_MATURED = -1

Clock = Literal["provisional", "matured"]


class OutcomeBlock(Struct, array_like=True):
    """Block `number` as far as it is filled, a row for each event by its short key.

    `version`, `epoch` are those of the newest epoch in the block, `newest_id` is the last event's. `estimate` and
    `estimate_error` are the score expected without labels, `corrections` counts the corrections of labels so far, and
    `matured_corrections` is that count when the block was last written as matured, or `NOT_MATURED`. `models` are the
    names of external versions.
    """

    number: int
    short_keys: list[int] = []
    answers: list[str | float] = []
    probabilities: list[list[float] | None] = []
    labels: list[str | float | None] = []
    losses: list[float | None] = []
    revisions: list[int] = []
    version: int = 0
    epoch: int = -1
    newest_id: str = ""
    first_time: datetime | None = None
    last_time: datetime | None = None
    estimate: float | None = None
    estimate_error: float | None = None
    corrections: int = 0
    matured_corrections: int = NOT_MATURED
    versions: list[int] = []
    from_challenger: list[bool] = []
    shadows: list[list[tuple[int, str | float | None]]] = []
    slices: list[list[str]] = []
    epochs: list[int] = []
    models: dict[int, str] = {}

    def add(
        self,
        short_keys: Sequence[int],
        outcomes: Sequence[Outcome[Any]],
        losses: Sequence[float | None],
        slices: Sequence[list[str]],
    ) -> None:
        """Add some events, at least one, by their first outcomes, with their losses and slices."""
        rows = [outcome.data for outcome in outcomes]
        answers = [row.answer for row in rows]
        self.short_keys += short_keys
        self.answers += [answer.value for answer in answers]
        self.probabilities += [answer.probabilities for answer in answers]
        self.labels += [row.label for row in rows]
        self.losses += losses
        self.revisions += [EXPIRED if row.label is None else row.revision for row in rows]
        self.versions += [answer.version for answer in answers]
        self.epochs += [answer.epoch for answer in answers]
        self.from_challenger += [answer.arm == "challenger" for answer in answers]
        self.shadows += [_shadows(answer) for answer in answers]
        self.slices += slices
        self.models |= {answer.version: answer.model for answer in answers if answer.version < 0}
        shadows = (shadow for answer in answers for shadow in answer.shadow or ())
        self.models |= {one.version: one.model for one in shadows if one.model is not UNSET}
        for answer in answers:
            if answer.epoch >= self.epoch:
                self.version, self.epoch = answer.version, answer.epoch
        self.newest_id = outcomes[-1].id
        times = [outcome.time for outcome in outcomes]
        first, last = to_utc(min(times)), to_utc(max(times))
        self.first_time = first if self.first_time is None else min(self.first_time, first)
        self.last_time = last if self.last_time is None else max(self.last_time, last)

    def correct(self, short_key: int, outcome: Outcome[Any], loss: float | None) -> bool:
        """Put in a later outcome of an event; False, and no change, where it does not count."""
        row = self.short_keys.index(short_key)
        if not counts(outcome.data.revision, self.revisions[row]):
            return False
        self.labels[row], self.losses[row], self.revisions[row] = outcome.data.label, loss, outcome.data.revision
        self.corrections += 1
        return True


@dataclass(frozen=True, slots=True)
class BlockColumns:
    """A block of n rows as columns, made once for all that read it.

    `epochs` (n,) are those of the answers. `model_outputs` (n,) is each answer as one number: its value, or for a class
    its probability; `probabilities` is (n, k). Both are None where a row has none. `is_labelled` (n,) marks the rows
    that have a label; `answers`, `labels` and `losses` hold those rows alone.
    """

    epochs: NDArray[np.int64]
    model_outputs: NDArray[np.float64] | None
    probabilities: NDArray[np.float64] | None
    is_labelled: NDArray[np.bool_]
    answers: list[str | float]
    labels: list[str | float]
    losses: NDArray[np.float64]

    def score(self, task: Task) -> float | None:
        """Accuracy or mean absolute error; None without a label."""
        return score(task, self.losses) if len(self.losses) else None


def columns_of(task: Task, classes: Sequence[str], block: OutcomeBlock) -> BlockColumns:
    """The columns of a block as it is now; `classes` are those declared."""
    losses = np.array(block.losses, dtype=np.float64)  # None becomes NaN
    is_labelled = ~np.isnan(losses)
    answers, labels = block.answers, [label for label in block.labels if label is not None]
    if not is_labelled.all():
        losses, answers = losses[is_labelled], list(compress(answers, is_labelled))
    probabilities = _probabilities(block.probabilities)
    model_outputs = finite_floats(block.answers) if task == "regression" else None
    if model_outputs is None and probabilities is not None:
        model_outputs = _confidence(probabilities, block.answers, classes)
    return BlockColumns(_epochs(block), model_outputs, probabilities, is_labelled, answers, labels, losses)


def _confidence(
    probabilities: NDArray[np.float64], answers: Sequence[str | float], classes: Sequence[str]
) -> NDArray[np.float64]:
    """The probability of each answer; the largest one where columns or answers are not of the declared classes."""
    codes = ClassIndex(classes).numbers(answers) if len(classes) == probabilities.shape[1] else np.array([np.nan])
    if not np.isfinite(codes).all():
        return np.asarray(probabilities.max(axis=1))
    return np.asarray(probabilities[np.arange(len(answers)), codes.astype(np.intp)])


def finite_floats(values: Sequence[Any]) -> NDArray[np.float64]:
    """Numbers clipped to `LARGEST_LOSS`, so that their differences are finite."""
    return np.clip(np.array(values, dtype=np.float64), -LARGEST_LOSS, LARGEST_LOSS)


def _epochs(block: OutcomeBlock) -> NDArray[np.int64]:
    """The epoch of each row; of a block that a release before had begun, which did not keep them, the newest."""
    kept = block.epochs if len(block.epochs) == len(block.short_keys) else [block.epoch] * len(block.short_keys)
    return np.array(kept, dtype=np.int64)


def _shadows(answer: PredictionData) -> list[tuple[int, str | float | None]]:
    return [] if answer.shadow is UNSET else [(shadow.version, shadow.value) for shadow in answer.shadow]


def _probabilities(rows: Sequence[list[float] | None]) -> NDArray[np.float64] | None:
    """As a matrix; None when a row has none, or they are of different lengths."""
    if None in rows or not rows[0]:
        return None
    try:
        return np.array(rows, dtype=np.float64)
    except ValueError:
        return None
