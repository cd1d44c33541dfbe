"""What was noticed, as records for those who act on it."""

from __future__ import annotations

from typing import Any

from penstock.contracts.counts import Counts
from penstock.contracts.ids import derived_id
from penstock.contracts.monitoring import Alert, Drift
from penstock.contracts.outcomes import OUTCOME_SUFFIX, Outcome
from penstock.drift_detector.identity import SOURCE
from penstock.drift_detector.watching import Noticed
from penstock.ml.drift.windows import FieldDrift


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
    )


def field_drift(stream: str, counts: Counts, found: FieldDrift, epoch: int, outcomes: int) -> Drift:
    """A field that has left the reference by the newest block."""
    data = counts.data
    return Drift(
        source=SOURCE,
        id=derived_id("drift", stream, "feature", found.field, data.partition, data.start),
        time=counts.time,
        cause=counts.id,
        stream=stream,
        kind="feature",
        detector=found.statistic,
        field=found.field,
        statistic=found.value,
        threshold=found.threshold,
        status="suspected",
        outcomes=outcomes,
        event_source=data.last_source,
        event_id=data.last_id,
        epoch=epoch,
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
