"""The report of a replay or a demo: counts, scores beside those of a constant, epochs, drifts, trainings and costs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.console.replay.report.epoch_lines import EpochLine, epoch_lines
from penstock.console.replay.report.label_counts import LabelCounts, label_counts
from penstock.console.replay.report.metrics import (
    CalibrationBin,
    ClassScore,
    Metrics,
    class_calibration,
    class_scores,
    confusion_matrix,
    number_calibration,
)
from penstock.console.replay.report.scored_rows import ScoredRows, scored_rows
from penstock.console.replay.report.scores import WARMUP, BlockScore, score_by_block
from penstock.console.replay.report.trainings import TrainingLine, training_lines
from penstock.console.replay.rows.refusal_counts import Kind, RefusalCounts, RefusedRows
from penstock.console.replay.rows.row_labels import RowLabels
from penstock.console.replay.watch.stream_watch import StreamWatch

MIN_ACCEPTED = 0.99
MOST_CLASSES = 50  # of more, the report has no confusion matrix


@dataclass(frozen=True)
class RunMeasurements:
    """What the sender measured, and the log does not hold.

    Attributes:
        wall_s: seconds that the run took.
        failed_requests: requests and probes that failed.
        refusals: what ingestion refused.
        labels: labels that ingestion accepted.
        learning_s: CPU seconds that the server spent on learning from outcomes.
    """

    wall_s: float
    failed_requests: int
    refusals: RefusalCounts = field(default_factory=RefusalCounts)
    labels: int = 0
    learning_s: float = 0.0


@dataclass(frozen=True)
class DriftLine:
    """A drift and the row at which the detector found it; `confirmed` when the loss itself rose."""

    at_event: int | None
    kind: str
    detector: str
    field: str | None
    confirmed: bool
    statistic: float
    threshold: float


@dataclass(frozen=True)
class Report:
    """The report of a run; its fields are the keys of the JSON document.

    Counts are of distinct ids: `unanswered` events were neither refused nor predicted. Scores leave the first rows out,
    the share `warmup`: `score` by the stream's objective (`metric`), `metrics` by all, and `baseline` those of the
    constant that fits the labels of the rows before (`baseline_answer` at the end). `progress` is the accuracy, or the
    mean absolute error, of each block of rows, the warm-up included; `retrains` are the trainings that began, whatever
    came of them. `confusion` has a row for each of the `classes` of the labels, and a column for each that was
    answered. `decision` is the newest on whether to train.
    """

    events: int
    accepted: int
    rejected: int
    predicted: int
    unanswered: int
    labels: int
    label_counts: LabelCounts
    refusals: Sequence[RefusedRows]
    metric: str
    score: float | None
    metrics: Metrics
    baseline: Metrics
    baseline_answer: str | float | None
    scored: int
    warmup: float
    classes: Sequence[str]
    positive: str | None
    by_class: Sequence[ClassScore]
    confusion: Sequence[Sequence[int]]
    calibration: Sequence[CalibrationBin]
    epochs: Sequence[EpochLine]
    drifts: Sequence[DriftLine]
    trainings: Sequence[TrainingLine]
    decision: str | None
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

    def document(self, **extra_fields: Any) -> dict[str, Any]:
        """The report as JSON takes it, with extra fields."""
        return {**asdict(self), **extra_fields}

    def write(self, path: Path, **extra_fields: Any) -> None:
        """Write the report as JSON, with extra fields."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.document(**extra_fields), indent=2) + "\n")


def make_report(watch: StreamWatch, rows: RowLabels, measurements: RunMeasurements) -> Report:
    """The report of a run, from what the log holds of the stream and what the sender measured."""
    declaration, events = watch.stream.declaration, len(rows)
    metric = declaration.metric
    quantile = declaration.objective.quantile if declaration.objective and metric == "pinball" else None
    slots = watch.events.slots_of(rows.ids(), events)
    all_scored = scored_rows(watch.events, slots, rows, declaration)
    all_baseline = all_scored.baseline()
    counted = all_scored.numbers >= int(WARMUP * events)
    scored, baseline = all_scored.where(counted), all_baseline.where(counted)
    refusals = _all_refusals(watch, slots, measurements.refusals)
    predicted = int(np.count_nonzero(watch.events.epochs(slots) >= 0))
    refused = refusals.count("event")
    confusion, metrics = _confusion(scored), scored.metrics(quantile)
    training_s = sum(run.cpu_seconds for run in watch.training_runs.values())
    return Report(
        events=events,
        accepted=events - refused,
        rejected=refused,
        predicted=predicted,
        unanswered=max(0, events - refused - predicted),
        labels=measurements.labels,
        label_counts=label_counts(watch.events, slots, rows, refusals.count("label"), measurements.labels),
        refusals=list(refusals),
        metric=metric,
        score=metrics[metric],
        metrics=metrics,
        baseline=_constant_metrics(baseline, quantile),
        baseline_answer=_constant_answer(baseline),
        scored=len(scored),
        warmup=WARMUP,
        classes=scored.classes,
        positive=declaration.positive_class,
        by_class=class_scores(confusion, scored.classes) if confusion else [],
        confusion=confusion,
        calibration=_calibration(scored),
        epochs=epoch_lines(watch, slots, all_scored, all_baseline),
        drifts=_drift_lines(watch, slots),
        trainings=training_lines(watch, _rows_of_outcomes(watch, slots)),
        decision=_decision_text(watch),
        retrains=sum(run.status == "started" for run in watch.training_runs.values()),
        training_seconds=round(training_s + measurements.learning_s, 3),
        learning_seconds=round(measurements.learning_s, 3),
        rollbacks=sum(epoch.reason == "rollback" for epoch in watch.epochs.values()),
        failed_requests=measurements.failed_requests,
        wall_s=round(measurements.wall_s, 3),
        events_per_s=round(events / measurements.wall_s, 1) if measurements.wall_s > 0 else 0.0,
        progress=score_by_block(all_scored.numbers, all_scored.scores(), events, all_baseline.scores()),
    )


def _all_refusals(watch: StreamWatch, slots: NDArray[np.int64], at_ingestion: RefusalCounts) -> RefusalCounts:
    """What ingestion refused, and what the log holds of rejections."""
    refusals, reasons = at_ingestion.copy(), watch.events.reasons
    codes: dict[Kind, NDArray[np.int64]] = {
        "event": watch.events.rejection_codes(slots),
        "label": watch.events.label_rejection_codes(slots),
    }
    for kind, of_rows in codes.items():
        for row in np.flatnonzero(of_rows >= 0).tolist():
            refusals.add(kind, row, reasons[of_rows[row]])
    return refusals


def _confusion(scored: ScoredRows) -> Sequence[Sequence[int]]:
    if scored.task == "regression" or len(scored.classes) > MOST_CLASSES:
        return []
    return confusion_matrix(scored.answers.astype(np.int64), scored.labels.astype(np.int64), len(scored.classes))


def _calibration(scored: ScoredRows) -> Sequence[CalibrationBin]:
    if scored.task == "regression":
        return number_calibration(scored.answers, scored.labels)
    return class_calibration(scored.labels.astype(np.int64), scored.probabilities, scored.positive)


def _constant_metrics(baseline: ScoredRows, quantile: float | None) -> Metrics:
    """The metrics of a constant, which ranks nothing: what it learnt over time is not a ranking."""
    metrics = baseline.metrics(quantile)
    constant = {"auc": 0.5, "roc_auc": 0.5}
    if len(baseline.classes) == 2 and len(baseline):
        constant["average_precision"] = float((baseline.labels == baseline.positive).mean())
    return metrics | {name: value for name, value in constant.items() if metrics.get(name) is not None}


def _constant_answer(baseline: ScoredRows) -> str | float | None:
    """What a constant would answer in the end, None without rows."""
    if not len(baseline):
        return None
    newest = float(baseline.answers[-1])
    return newest if baseline.task == "regression" else baseline.classes[int(newest)]


def _drift_lines(watch: StreamWatch, slots: NDArray[np.int64]) -> list[DriftLine]:
    return [
        DriftLine(
            at_event=_row_of(watch.events.slot_of(drift.event_id), slots),
            kind=drift.kind,
            detector=drift.detector,
            field=drift.field,
            confirmed=drift.status == "confirmed",
            statistic=drift.statistic,
            threshold=drift.threshold,
        )
        for drift in watch.drifts
    ]


def _row_of(slot: int, slots: NDArray[np.int64]) -> int | None:
    rows = np.flatnonzero(slots == slot) if slot >= 0 else np.empty(0)
    return int(rows[0]) if len(rows) else None


def _rows_of_outcomes(watch: StreamWatch, slots: NDArray[np.int64]) -> dict[int, int]:
    """The rows of the outcomes that trainings ended at, by offset."""
    offsets = {run.until - 1 for run in watch.training_runs.values()}
    outcomes = watch.events.outcomes
    rows = {offset: _row_of(outcomes[offset], slots) for offset in offsets if 0 <= offset < len(outcomes)}
    return {offset: row for offset, row in rows.items() if row is not None}


def _decision_text(watch: StreamWatch) -> str | None:
    decision = watch.decision
    if decision is None:
        return None
    return f"{decision.verdict}, {decision.reason}" + (f": {decision.detail}" if decision.detail else "")
