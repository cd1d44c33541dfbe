"""The alert about a producer whose records are refused."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from penstock.bus.state.share_level import LevelChange, ShareLevel
from penstock.bus.state.unit_state import State
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.batch import Batch
from penstock.contracts.codecs.received_decoder import Received
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Alert
from penstock.validator.batch_checks import Refusals

SOURCE = "penstock/validator"
WINDOW = 100  # records of a partition
HIGH, LOW = 0.2, 0.1


def rejected_share(state: State) -> ShareLevel:
    """The share of a partition's records that are refused: high from a fifth on, normal again below a tenth."""
    return ShareLevel(state, b"r", window=WINDOW, high=HIGH, low=LOW)


def rejected_alert(batch: Batch[Received], refusals: Refusals, change: LevelChange) -> Alert:
    """The alert that the level has changed with this batch; the same again when it is handled again."""
    stream, last = batch.required_stream.name, batch.raw[-1]
    codes = Counter(refusal.code for refusal in refusals.values()).most_common(1)
    mostly = f", mostly as {codes[0][0]}" if codes and change.level == "high" else ""
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "rejected", stream, batch.partition, last.offset),
        time=datetime.fromtimestamp(last.timestamp / 1000, UTC),
        severity="warning",
        subject="rejected",
        message=f"partition {batch.partition}: {change.hits} of the last {change.cases} records were refused{mostly}",
        stream=stream,
        kind=AlertKind.REJECTED,
        key=alert_key(AlertKind.REJECTED, stream, batch.partition),
        state="firing" if change.level == "high" else "resolved",
    )
