"""What was noticed, as records for those who act on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from penstock.contracts.ids import derived_id
from penstock.contracts.records.counts import Counts
from penstock.contracts.records.monitoring import Alert, Drift
from penstock.contracts.records.outcomes import OUTCOME_SUFFIX, Outcome
from penstock.drift_detector.drift.answer_drift import Noticed
from penstock.drift_detector.drift.multivariate_drift import RowsMoved
from penstock.drift_detector.event_key import SOURCE
from penstock.ml.drift.window_tests import FieldDrift
from penstock.ml.drift.window_tests import Kind as FieldKind


def answer_drift(stream: str, offset: int, outcome: Outcome[Any], noticed: Noticed) -> Drift:
    """A change that the outcome at `offset` tipped: `statistic` is the mean now, `threshold` the mean before."""
    tip = noticed.tip
    return Drift(
        source=SOURCE,
        id=derived_id("drift", stream, noticed.kind, tip.detector, noticed.epoch, offset),
        time=outcome.time,
        cause=outcome.id,
        stream=stream,
        kind=noticed.kind,
        detector=tip.detector,
        statistic=tip.now,
        threshold=tip.before,
        status="confirmed" if noticed.kind == "concept" else "suspected",
        outcomes=offset + 1,
        event_source=outcome.source.removesuffix(OUTCOME_SUFFIX),
        event_id=outcome.id,
        epoch=noticed.epoch,
        hurts=noticed.hurts,
    )


def label_drift(stream: str, offset: int, outcome: Outcome[Any], found: FieldDrift, hurts: float | None) -> Drift:
    """A change of the labels' distribution, told by the block that the outcome at `offset` completes."""
    figures = (found.value, found.threshold)
    return _by_outcome(stream, offset, outcome, "label", found.statistic, found.field, figures, hurts)


def _by_outcome(
    stream: str,
    offset: int,
    outcome: Outcome[Any],
    kind: Literal["label", "rows"],
    detector: str,
    field: str | None,
    figures: tuple[float, float],
    hurts: float | None,
) -> Drift:
    return Drift(
        source=SOURCE,
        id=derived_id("drift", stream, kind, *([] if kind == "label" else [detector]), offset),
        time=outcome.time,
        cause=outcome.id,
        stream=stream,
        kind=kind,
        detector=detector,
        field=field,
        statistic=figures[0],
        threshold=figures[1],
        status="suspected",
        outcomes=offset + 1,
        event_source=outcome.source.removesuffix(OUTCOME_SUFFIX),
        event_id=outcome.id,
        epoch=outcome.data.answer.epoch,
        hurts=hurts,
    )


def rows_drift(stream: str, offset: int, outcome: Outcome[Any], moved: RowsMoved, hurts: float | None) -> Drift:
    """Rows that hang together otherwise, told by the window that the outcome at `offset` completes."""
    return _by_outcome(stream, offset, outcome, "rows", moved.test, None, (moved.value, moved.threshold), hurts)


@dataclass(frozen=True, slots=True)
class Stand:
    """Where the stream's outcomes stood when counts gave something away: the epoch, how many, and the rise of the loss."""

    epoch: int
    outcomes: int
    hurts: float | None


def field_drift(stream: str, counts: Counts, found: FieldDrift, stand: Stand) -> Drift:
    """A field that has left the reference by the newest block."""
    return _counted(stream, counts, found.kind, found.statistic, found.field, (found.value, found.threshold), stand)


def volume_drift(stream: str, counts: Counts, rate: float, bound: float, stand: Stand) -> Drift:
    """A rate of events (a second, of event time) far from those before it."""
    return _counted(stream, counts, "volume", "rate", None, (rate, bound), stand)


def _counted(
    stream: str,
    counts: Counts,
    kind: FieldKind | Literal["volume"],
    detector: str,
    field: str | None,
    found: tuple[float, float],
    stand: Stand,
) -> Drift:
    data = counts.data
    statistic, threshold = found
    return Drift(
        source=SOURCE,
        id=derived_id("drift", stream, kind, field or "", data.partition, data.start),
        time=counts.time,
        cause=counts.id,
        stream=stream,
        kind=kind,
        detector=detector,
        field=field,
        statistic=statistic,
        threshold=threshold,
        status="suspected",
        outcomes=stand.outcomes,
        event_source=data.last_source,
        event_id=data.last_id,
        epoch=stand.epoch,
        hurts=stand.hurts,
    )


def alert(drift: Drift) -> Alert:
    """A warning about a confirmed drift."""
    return Alert(
        source=SOURCE,
        id=derived_id("alert", drift.id),
        time=drift.time,
        cause=drift.id,
        severity="warning",
        subject="concept drift",
        message=(
            f"the mean loss of epoch {drift.epoch} rose from {drift.threshold:.4g} to {drift.statistic:.4g}; "
            f"{drift.detector} noticed it at outcome {drift.outcomes - 1}"
        ),
        stream=drift.stream,
    )
