"""The records on `drift` and `alerts` for what the detectors found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.ids import derived_id
from penstock.contracts.records.counts import Counts
from penstock.contracts.records.monitoring import HOLDOUT_DETECTOR, SHORTFALL, Alert, Drift
from penstock.contracts.records.outcomes import OUTCOME_SUFFIX, Outcome
from penstock.drift_detector.drift.answer_drift import AnswerDrift
from penstock.drift_detector.drift.distinct_texts import distinct_texts
from penstock.drift_detector.drift.multivariate_drift import MultivariateDrift
from penstock.drift_detector.drift.shortfall import Shortfall, ShortfallEnd
from penstock.drift_detector.drift.volume_drift import VolumeDrift
from penstock.drift_detector.record_source import SOURCE
from penstock.ml.drift.window_tests import FieldDrift

DriftKind = Literal["concept", "prediction", "feature", "label", "missing", "category", "range", "volume", "rows"]


@dataclass(frozen=True, slots=True)
class OutcomeCause:
    """The outcome at which a detector fired: the value it fired at, or the last one of a window."""

    stream: str
    offset: int
    outcome: Outcome[Any]


@dataclass(frozen=True, slots=True)
class CountsCause:
    """The count block at which a detector fired, and how many outcomes the stream had by then."""

    stream: str
    counts: Counts
    outcomes: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector found, whatever kind of drift: its statistic and threshold, and how much the loss had risen."""

    kind: DriftKind
    detector: str
    statistic: float
    threshold: float
    epoch: int
    loss_rise: float | None
    field: str | None = None
    earlier_mean: float | None = None
    label: str | None = None


def answer_drift_record(cause: OutcomeCause, drift: AnswerDrift) -> Drift:
    """Concept or prediction drift. `threshold` repeats `earlier_mean`, for readers from before that field."""
    alarm = drift.alarm
    finding = Finding(
        kind=drift.kind,
        detector=alarm.detector,
        statistic=alarm.mean,
        threshold=alarm.earlier_mean,
        epoch=drift.epoch,
        loss_rise=drift.loss_rise,
        earlier_mean=alarm.earlier_mean,
        label=drift.label,
    )
    return _record_at_outcome(cause, finding, alarm.detector, drift.epoch)


def shortfall_record(cause: OutcomeCause, shortfall: Shortfall) -> Drift:
    """Concept drift against the holdout: the mean loss of live answers, and that on the holdout as the earlier mean."""
    live, reference = _round_off(shortfall.live.mean), _round_off(shortfall.reference.mean)
    finding = Finding(
        "concept",
        HOLDOUT_DETECTOR,
        live,
        reference,
        shortfall.epoch,
        _round_off(live - reference),
        earlier_mean=reference,
    )
    return _record_at_outcome(cause, finding, HOLDOUT_DETECTOR, shortfall.epoch)


def label_shift_record(cause: OutcomeCause, drift: FieldDrift, loss_rise: float | None) -> Drift:
    """Label shift, found with the block that the outcome completes."""
    epoch = cause.outcome.data.answer.epoch
    finding = Finding("label", drift.statistic, drift.value, drift.threshold, epoch, loss_rise, drift.field)
    return _record_at_outcome(cause, finding)


def multivariate_drift_record(cause: OutcomeCause, drift: MultivariateDrift, loss_rise: float | None) -> Drift:
    """Multivariate drift, found with the window that the outcome completes."""
    epoch = cause.outcome.data.answer.epoch
    finding = Finding("rows", drift.test, drift.value, drift.threshold, epoch, loss_rise)
    return _record_at_outcome(cause, finding, drift.test)


def field_drift_record(cause: CountsCause, drift: FieldDrift, epoch: int, loss_rise: float | None) -> Drift:
    """Drift of a field, or of a share of it, found with the window that the count block completes."""
    finding = Finding(drift.kind, drift.statistic, drift.value, drift.threshold, epoch, loss_rise, drift.field)
    return _record_at_counts(cause, finding)


def volume_drift_record(cause: CountsCause, drift: VolumeDrift, epoch: int, loss_rise: float | None) -> Drift:
    """An unusual rate of events (a second, of event time)."""
    return _record_at_counts(cause, Finding("volume", "rate", drift.rate, drift.bound, epoch, loss_rise))


def drift_alert(drift: Drift) -> Alert:
    """News of confirmed concept drift: a training answers it, nobody has to."""
    assert drift.earlier_mean is not None
    before, now = distinct_texts(drift.earlier_mean, drift.statistic)
    rise = f"rose from {before} to {now}; {drift.detector} noticed it at outcome {drift.outcomes - 1}"
    subject = f"mean loss of epoch {drift.epoch}" + (f" where the label is {drift.label!r}" if drift.label else "")
    return Alert(
        source=SOURCE,
        id=derived_id("alert", drift.id),
        time=drift.time,
        cause=drift.id,
        severity="info",
        subject="concept drift",
        message=f"the {subject} {rise}",
        stream=drift.stream,
        kind=AlertKind.DRIFT,
        key=alert_key(AlertKind.DRIFT, drift.stream),
        event_time=drift.time,
    )


def shortfall_alert(drift: Drift, shortfall: Shortfall) -> Alert:
    """News of a champion that does not keep what it promised: somebody should look at it."""
    assert drift.earlier_mean is not None
    before, now = distinct_texts(drift.earlier_mean, drift.statistic)
    rows = shortfall.reference.n
    shown = f"its first {rows} showed" if shortfall.has_no_holdout else "its holdout showed"
    return Alert(
        source=SOURCE,
        id=derived_id("alert", drift.id),
        time=drift.time,
        cause=drift.id,
        severity="critical",
        subject=SHORTFALL,
        message=f"{shortfall.name} loses {now} an answer where {shown} {before}, over {shortfall.live.n} outcomes",
        stream=drift.stream,
        version=shortfall.version,
        kind=AlertKind.SHORTFALL,
        key=alert_key(AlertKind.SHORTFALL, drift.stream),
        event_time=drift.time,
    )


def shortfall_end_alert(cause: OutcomeCause, end: ShortfallEnd) -> Alert:
    """News that a champion that fell short is no longer judged as it was."""
    message = f"{end.successor} serves in place of {end.name}, which fell short"
    if end.successor == end.name:
        why = "by another objective" if end.is_loss_new else "since it serves again after another"
        message = f"{end.name}, which fell short, is judged anew {why}"
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "shortfall-end", cause.stream, cause.offset),
        time=cause.outcome.time,
        cause=cause.outcome.id,
        severity="info",
        subject=SHORTFALL,
        message=message,
        stream=cause.stream,
        version=end.version,
        kind=AlertKind.SHORTFALL,
        key=alert_key(AlertKind.SHORTFALL, cause.stream),
        state="resolved",
        event_time=cause.outcome.time,
    )


def _round_off(mean: float) -> float:
    """A mean to 12 digits: those beyond depend on the order in which losses were added up."""
    return float(f"{mean:.12g}")


def _record_at_outcome(cause: OutcomeCause, finding: Finding, *id_parts: str | int) -> Drift:
    outcome = cause.outcome
    return Drift(
        source=SOURCE,
        id=derived_id("drift", cause.stream, finding.kind, *id_parts, cause.offset),
        time=outcome.time,
        cause=outcome.id,
        stream=cause.stream,
        kind=finding.kind,
        detector=finding.detector,
        field=finding.field,
        statistic=finding.statistic,
        threshold=finding.threshold,
        status="confirmed" if finding.kind == "concept" else "suspected",
        outcomes=cause.offset + 1,
        event_source=outcome.source.removesuffix(OUTCOME_SUFFIX),
        event_id=outcome.id,
        epoch=finding.epoch,
        hurts=finding.loss_rise,
        earlier_mean=finding.earlier_mean,
        label=finding.label,
    )


def _record_at_counts(cause: CountsCause, finding: Finding) -> Drift:
    counts, data = cause.counts, cause.counts.data
    return Drift(
        source=SOURCE,
        id=derived_id("drift", cause.stream, finding.kind, finding.field or "", data.partition, data.start),
        time=counts.time,
        cause=counts.id,
        stream=cause.stream,
        kind=finding.kind,
        detector=finding.detector,
        field=finding.field,
        statistic=finding.statistic,
        threshold=finding.threshold,
        status="suspected",
        outcomes=cause.outcomes,
        event_source=data.last_source,
        event_id=data.last_id,
        epoch=finding.epoch,
        hurts=finding.loss_rise,
    )
