"""The report of a replay or a demo: counts, scores, epochs, drifts and costs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from penstock.console.replay.scores import WARMUP, BlockScore, RowLabels, row_scores, score, score_by_block
from penstock.console.replay.stream_watch import StreamWatch
from penstock.contracts.declaration.stream import Task

MIN_ACCEPTED = 0.99


@dataclass(frozen=True)
class RunMeasurements:
    """What the sender measured, and the log does not hold.

    Attributes:
        wall_s: seconds that the run took.
        failed_requests: requests and probes that failed.
        refused: events that ingestion refused.
        labels: labels that ingestion accepted.
        learning_s: CPU seconds that the server spent on learning from outcomes.
    """

    wall_s: float
    failed_requests: int
    refused: int = 0
    labels: int = 0
    learning_s: float = 0.0


@dataclass(frozen=True)
class EpochLine:
    """An epoch and the row of the first prediction under it (None: there was none)."""

    epoch: int
    model: str
    family: str
    reason: str
    at_event: int | None


@dataclass(frozen=True)
class DriftLine:
    """A drift and the row at which the detector found it."""

    at_event: int | None
    kind: str
    detector: str
    field: str | None


@dataclass(frozen=True)
class Report:
    """The report of a run; its fields are the keys of the JSON document.

    Counts are of distinct ids. `progress` is the score of each block of rows, the warm-up included; `retrains` are
    the trainings that began, whatever came of them.
    """

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
    training_seconds: float
    learning_seconds: float
    rollbacks: int
    failed_requests: int
    wall_s: float
    events_per_s: float
    progress: Sequence[BlockScore]

    @property
    def enough_accepted(self) -> bool:
        """Whether at least 99 % of the events were accepted."""
        return self.accepted >= MIN_ACCEPTED * self.events

    def write(self, path: Path, **extra_fields: Any) -> None:
        """Write the report as JSON, with extra fields."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**asdict(self), **extra_fields}, indent=2) + "\n")


def make_report(watch: StreamWatch, rows: RowLabels, task: Task, measurements: RunMeasurements) -> Report:
    """The report of a run, from what the log holds of the stream and what the sender measured."""
    events = len(rows.numbers)
    rejected = sum(record_id in rows.numbers for record_id in watch.rejections) + measurements.refused
    training_s = sum(run.cpu_seconds for run in watch.training_runs.values())
    return Report(
        events=events,
        accepted=events - rejected,
        rejected=rejected,
        predicted=sum(record_id in rows.numbers for record_id in watch.predictions),
        labels=measurements.labels,
        metric="mae" if task == "regression" else "accuracy",
        score=score(watch.predictions, rows, task),
        warmup=WARMUP,
        epochs=_epoch_lines(watch, rows),
        drifts=[
            DriftLine(rows.numbers.get(drift.event_id), drift.kind, drift.detector, drift.field)
            for drift in watch.drifts
        ],
        retrains=sum(run.status == "started" for run in watch.training_runs.values()),
        training_seconds=round(training_s + measurements.learning_s, 3),
        learning_seconds=round(measurements.learning_s, 3),
        rollbacks=sum(epoch.reason == "rollback" for epoch in watch.epochs.values()),
        failed_requests=measurements.failed_requests,
        wall_s=round(measurements.wall_s, 3),
        events_per_s=round(events / measurements.wall_s, 1) if measurements.wall_s > 0 else 0.0,
        progress=score_by_block(*row_scores(watch.predictions, rows, task), events),
    )


def first_rows_by_epoch(watch: StreamWatch, rows: RowLabels) -> dict[int, int]:
    """For each epoch that predicted, the lowest number of a row that it predicted."""
    first_rows: dict[int, int] = {}
    for record_id, prediction in watch.predictions.items():
        number = rows.numbers.get(record_id)
        if number is not None:
            first_rows[prediction.epoch] = min(number, first_rows.get(prediction.epoch, number))
    return first_rows


def _epoch_lines(watch: StreamWatch, rows: RowLabels) -> list[EpochLine]:
    first_rows = first_rows_by_epoch(watch, rows)
    return [
        EpochLine(
            number,
            f"{epoch.champion.name}/{epoch.champion.version}",
            epoch.champion.family,
            epoch.detail or epoch.reason,
            first_rows.get(number),
        )
        for number, epoch in sorted(watch.epochs.items())
    ]
