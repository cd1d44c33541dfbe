"""Metrics of what records say: each record that is written is looked at once, whichever service writes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from penstock.contracts.batch import AnyOutputs
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Alert, Drift, Notification, Statistics
from penstock.contracts.records.rejections import Rejection
from penstock.contracts.records.training import TrainingRun
from penstock.contracts.topics import ALERTS, DRIFT, MODELS, NOTIFICATIONS, REJECTED, STATISTICS, TRAINING_RUNS, Topic
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.stream_metrics import StreamMetrics


def measure_outputs(metrics: Metrics, outputs: Iterable[AnyOutputs]) -> None:
    """Bring the metrics up to what these outputs say; topics of events, labels and predictions cost one look each.

    What cannot be read is left out: a measurement never stands in the way of a write.
    """
    for output in outputs:
        if output.topic is REJECTED:
            _measure_rejections(metrics.streams, output.stream or "", output.records)
        elif output.topic in _MEASURES:
            for record in output.records:
                _measure_record(metrics.streams, output.topic, record)


def _measure_record(metrics: StreamMetrics, topic: Topic[Any], record: Any) -> None:
    record_type, measure = _MEASURES[topic]
    if isinstance(record, bytes):  # as those of the registry's outbox are
        try:
            record = record_type.from_json(record)
        except (ValueError, OverflowError, RecursionError):
            return
    measure(metrics, record)


def _measure_rejections(metrics: StreamMetrics, stream: str, records: Sequence[Any]) -> None:
    reasons = Counter((record.data.kind, record.data.code) for record in records if isinstance(record, Rejection))
    for (kind, code), count in reasons.items():
        metrics.count_rejections(stream, kind, code, count)


def _measure_statistics(metrics: StreamMetrics, block: Statistics) -> None:
    stream, clock, objective = block.stream, block.clock, block.objective
    if clock == "provisional":
        metrics.count_outcomes(stream, block.joined, block.expired)
        if block.estimate is not None:
            metrics.set_estimate(stream, block.estimate.score)
    metrics.set_coverage(stream, clock, block.coverage)
    metrics.set_outcomes_time(stream, clock, block.last_time.timestamp())
    metric, score = (block.metric, block.score) if objective is None else (objective.metric, objective.score)
    if score is not None:
        metrics.set_score(stream, clock, metric, score)
    if objective is not None and objective.loss is not None:
        metrics.set_loss(stream, clock, objective.loss.loss, objective.loss.mean)
    elif block.score is not None and block.metric == "accuracy":
        metrics.set_loss(stream, clock, "error", 1 - block.score)
    elif block.score is not None:
        metrics.set_loss(stream, clock, "absolute_error", block.score)


def _measure_drift(metrics: StreamMetrics, drift: Drift) -> None:
    metrics.count_drift(drift.stream, drift.kind, drift.status)


def _measure_alert(metrics: StreamMetrics, alert: Alert) -> None:
    metrics.count_alert(alert.stream or "", alert.kind or "", alert.state)


def _measure_epoch(metrics: StreamMetrics, epoch: ModelEpoch) -> None:
    is_return = epoch.reason == "rollback" and epoch.cause is not None
    metrics.count_epoch(epoch.stream, "return" if is_return else epoch.reason)


def _measure_training(metrics: StreamMetrics, run: TrainingRun) -> None:
    metrics.count_training(run.stream, run.reason, run.status, run.cpu_seconds)


def _measure_notification(metrics: StreamMetrics, notification: Notification) -> None:
    metrics.count_notification(notification.stream or "", notification.destination, notification.outcome)


_MEASURES: dict[Topic[Any], tuple[Any, Callable[[StreamMetrics, Any], None]]] = {
    STATISTICS: (Statistics, _measure_statistics),
    DRIFT: (Drift, _measure_drift),
    ALERTS: (Alert, _measure_alert),
    MODELS: (ModelEpoch, _measure_epoch),
    TRAINING_RUNS: (TrainingRun, _measure_training),
    NOTIFICATIONS: (Notification, _measure_notification),
}
