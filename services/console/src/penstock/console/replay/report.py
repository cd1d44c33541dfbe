"""What a replay or a demo comes to, in numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from penstock.console.replay.stream_watch import StreamWatch
from penstock.contracts.declaration.stream import Task

WARMUP = 0.1  # share of the rows, from the first, that the score leaves out
LEAST_ACCEPTED = 0.99
SMALLEST_BLOCK, MOST_BLOCKS = 100, 60  # rows, and how many points the score over time has about


@dataclass
class Truths:
    """The rows that were sent: row number by id, and each row's truth."""

    rows: dict[str, int] = field(default_factory=dict)
    truths: dict[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Effort:
    """What only the sender knows: time, requests that failed, and CPU seconds of learning outside trainings."""

    wall_s: float
    failed_requests: int
    refused: int = 0
    labels: int = 0
    learning_s: float = 0.0


@dataclass(frozen=True)
class EpochLine:
    """An epoch and the row of the first prediction under it (None: nothing was answered under it)."""

    epoch: int
    model: str
    family: str
    reason: str
    at_event: int | None


@dataclass(frozen=True)
class DriftLine:
    """A drift and the row of the record that tipped it."""

    at_event: int | None
    kind: str
    detector: str
    field: str | None


@dataclass(frozen=True)
class ProgressLine:
    """The score of the block of rows that begins at `row` (None: nothing there to score)."""

    row: int
    score: float | None


@dataclass(frozen=True)
class Report:
    """The report of a run; counts are of distinct ids. `progress` has each block of rows, the warm-up's too."""

    events: int
    accepted: int
    rejected: int
    predicted: int
    labels: int
    metric: Literal["accuracy", "mae"]
    score: float | None
    warmup: float
    epochs: Sequence[EpochLine]
    drifts: Sequence[DriftLine]
    retrains: int
    snapshots: int
    training_seconds: float
    learning_seconds: float
    rollbacks: int
    failed_requests: int
    wall_s: float
    events_per_s: float
    progress: Sequence[ProgressLine]

    @property
    def enough_accepted(self) -> bool:
        """Whether at least 99 % of the events were accepted."""
        return self.accepted >= LEAST_ACCEPTED * self.events

    def write(self, path: Path, **more: Any) -> None:
        """Write the report as JSON, with further facts of the run."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**asdict(self), **more}, indent=2) + "\n")


def make_report(watch: StreamWatch, sent: Truths, task: Task, effort: Effort) -> Report:
    """Draw the report up from what the log says and what was sent."""
    rejected = sum(1 for record_id in watch.rejected if record_id in sent.rows) + effort.refused
    started = [run for run in watch.runs.values() if run.status == "started"]
    events = len(sent.rows)
    return Report(
        events=events,
        accepted=events - rejected,
        rejected=rejected,
        predicted=sum(1 for record_id in watch.answers if record_id in sent.rows),
        labels=effort.labels,
        metric="mae" if task == "regression" else "accuracy",
        score=score(watch.answers, sent, task),
        warmup=WARMUP,
        epochs=_epochs(watch, sent),
        drifts=[
            DriftLine(sent.rows.get(drift.event_id), drift.kind, drift.detector, drift.field) for drift in watch.drifts
        ],
        retrains=len(started),
        snapshots=0,
        training_seconds=round(sum(run.cpu_seconds for run in watch.runs.values()) + effort.learning_s, 3),
        learning_seconds=round(effort.learning_s, 3),
        rollbacks=sum(1 for epoch in watch.epochs.values() if epoch.reason == "rollback"),
        failed_requests=effort.failed_requests,
        wall_s=round(effort.wall_s, 3),
        events_per_s=round(events / effort.wall_s, 1) if effort.wall_s > 0 else 0.0,
        progress=progress(*_marks(watch.answers, sent, task), events),
    )


def score(
    answers: Mapping[str, tuple[str | float, int]],
    sent: Truths,
    task: Task,
    first: int | None = None,
    last: int | None = None,
) -> float | None:
    """Accuracy or mean absolute error of the served answers over the rows `[first, last)` whose truth is known.

    By default all rows after the warm-up. None when there is nothing to score.
    """
    rows, marks = _marks(answers, sent, task)
    first = int(WARMUP * len(sent.rows)) if first is None else first
    last = len(sent.rows) if last is None else last
    counted = marks[(rows >= first) & (rows < last)]
    return float(counted.mean()) if len(counted) else None


def block_size(rows: int) -> int:
    """Rows of one point of the score over time.

    >>> block_size(45_312), block_size(1500)
    (755, 100)
    """
    return max(SMALLEST_BLOCK, rows // MOST_BLOCKS)


def progress(rows: NDArray[np.int64], marks: NDArray[np.float64], count: int) -> list[ProgressLine]:
    """The mean mark of every block of `count` rows; `rows` says to which row each mark belongs.

    >>> progress(np.array([0, 99, 200]), np.array([1.0, 0.0, 1.0]), 201)
    [ProgressLine(row=0, score=0.5), ProgressLine(row=100, score=None), ProgressLine(row=200, score=1.0)]
    """
    size = block_size(count)
    blocks = -(-count // size)
    of = rows // size
    marked = np.bincount(of, minlength=blocks)
    totals = np.bincount(of, weights=marks, minlength=blocks)
    return [
        ProgressLine(block * size, round(float(totals[block] / marked[block]), 6) if marked[block] else None)
        for block in range(blocks)
    ]


def _marks(
    answers: Mapping[str, tuple[str | float, int]], sent: Truths, task: Task
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The rows that were answered and whose truth is known, and for each 1 or 0, or how far off the answer was."""
    known = [(sent.rows[name], answers[name][0], truth) for name, truth in sent.truths.items() if name in answers]
    if task == "regression":
        marks = [abs(float(answer) - float(truth)) for _, answer, truth in known]
    else:
        marks = [float(answer == truth) for _, answer, truth in known]
    return np.array([row for row, _, _ in known], dtype=np.int64), np.array(marks, dtype=np.float64)


def _epochs(watch: StreamWatch, sent: Truths) -> list[EpochLine]:
    first_row: dict[int, int] = {}
    for record_id, (_, epoch) in watch.answers.items():
        row = sent.rows.get(record_id)
        if row is not None and row < first_row.get(epoch, row + 1):
            first_row[epoch] = row
    return [
        EpochLine(
            number,
            f"{found.champion.name}/{found.champion.version}",
            found.champion.family,
            found.detail or found.reason,
            first_row.get(number),
        )
        for number, found in sorted(watch.epochs.items())
    ]
