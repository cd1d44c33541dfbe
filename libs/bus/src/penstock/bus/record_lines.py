"""One log line for each record of the control plane that says what was found, decided or done.

Lines are written once the log has confirmed the record, so that they say what holds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penstock.bus.ports import RecordBatch
from penstock.contracts.batch import Headers
from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.governance import AuditEntry
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Drift
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.contracts.topics import AUDIT, DECISIONS, DRIFT, MODELS, TRAINING_REQUESTS, TRAINING_RUNS
from penstock.telemetry import names
from penstock.telemetry.logs.log_trace import trace_fields
from penstock.telemetry.traceparent import sampled_traceparent

LONGEST_DETAIL = 400  # characters of an audit entry's detail

log = logging.getLogger(__name__)

Line = tuple[str, Mapping[str, Any]]
"""The text of a line, and its fields."""


def drift_line(drift: Drift) -> Line:
    """What drifted, by which detector, and the event that tipped it."""
    what = f"{drift.kind} drift" + (f" of {drift.field}" if drift.field else "")
    text = f"{drift.status} {what} at event {drift.event_id}, by {drift.detector}: {drift.statistic:.4g}"
    return text, {names.EVENT_ID: drift.event_id, names.EPOCH: drift.epoch}


def decision_line(decision: Decision) -> Line:
    """Whether the stream is trained now, and why."""
    return f"decision {decision.number}: {decision.verdict}, {_why(decision.reason, decision.detail)}", {}


def request_line(request: TrainingRequest) -> Line:
    """Which training was requested, and why."""
    why = _why(request.reason, request.detail)
    return f"training {request.fence} is requested on {request.until} outcomes: {why}", {}


def run_line(run: TrainingRun) -> Line:
    """How far a training has come, and what it is worth."""
    text = f"training {run.fence} {run.status} ({run.reason})"
    if run.failure:
        return f"{text}: {run.failure}", {}
    if run.evaluation is None or run.candidate is None:
        return text, {}
    metric, scores = run.evaluation.metric, run.evaluation
    compared = f"{metric} {scores.candidate.value:.4g}, the champion's {scores.champion.value:.4g}"
    return f"{text}: {run.candidate.family}, {compared}, {run.cpu_seconds:.1f} s of CPU", {}


def epoch_line(epoch: ModelEpoch) -> Line:
    """Which version serves from now on, and why."""
    rollout = f", {epoch.rollout.mode} step {epoch.rollout.step}" if epoch.rollout else ""
    why = _why(epoch.reason, epoch.detail)
    text = f"epoch {epoch.epoch}: version {epoch.champion.version} is the champion{rollout}: {why}"
    return text, {names.EPOCH: epoch.epoch, names.MODEL_VERSION: epoch.champion.version}


def audit_line(entry: AuditEntry) -> Line:
    """Who did what: gates, promotions, returns, holds, commands of people."""
    detail = ", ".join(f"{name} {value}" for name, value in entry.detail.items())
    return f"{entry.action} by {entry.actor}: {detail[:LONGEST_DETAIL]}", {}


_LINES: dict[str, tuple[type[ControlRecord], Callable[[Any], Line]]] = {
    DRIFT.short_name: (Drift, drift_line),
    DECISIONS.short_name: (Decision, decision_line),
    TRAINING_REQUESTS.short_name: (TrainingRequest, request_line),
    TRAINING_RUNS.short_name: (TrainingRun, run_line),
    MODELS.short_name: (ModelEpoch, epoch_line),
    AUDIT.short_name: (AuditEntry, audit_line),
}


def log_records(batches: Sequence[RecordBatch]) -> None:
    """Write the lines of the records in the batches that have one; data-plane records have none."""
    for batch in batches:
        described = _LINES.get(batch.topic.rpartition(".")[2])
        if described is not None:
            for index, value in enumerate(batch.values):
                if value is not None:
                    _log_record(*described, value, batch.headers.get(index, ()))


def _log_record(
    record_type: type[ControlRecord], line_of: Callable[[Any], Line], value: bytes, headers: Headers
) -> None:
    record = record_type.from_json(value)
    text, fields = line_of(record)
    stream = record.subject if isinstance(record, AuditEntry) else record.stream  # type: ignore[attr-defined]
    action = record_type.type.split(".")[1]
    more = {"event.action": action, "event.id": record.id, names.STREAM: stream}
    log.info("%s: %s", stream, text, extra={**more, **fields, **trace_fields(sampled_traceparent(headers))})


def _why(reason: str, detail: str) -> str:
    return f"{reason} ({detail})" if detail else reason
