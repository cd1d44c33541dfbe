"""Labels that match nothing: the alert about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from penstock.bus.state.share_level import ShareLevel
from penstock.bus.state.unit_state import State
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.batch import Batch, RawRecord
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Alert
from penstock.drift_detector.record_source import SOURCE

_SHARE = b"l"
WINDOW = 200  # labels of a partition
HIGH, LOW = 0.2, 0.1


class UnmatchedLabels:
    """Watches the labels of a partition that are given up, high from a fifth on: they join no event that waits for one.

    A label without an event is given up a horizon after it came, one whose event's horizon has passed at once.
    """

    def __init__(self, state: State, stream: str, partition: int) -> None:
        self._share = ShareLevel(state, _SHARE, window=WINDOW, high=HIGH, low=LOW)
        self._stream = stream
        self._partition = partition

    def update(self, batch: Batch[object], labels: int, unmatched: int) -> Alert | None:
        """Count the labels that came with a batch, and those that were given up with it; the alert that follows."""
        if not labels and not unmatched:
            return None
        change = self._share.update(labels, unmatched)
        if change is None:
            return None
        raw: Sequence[RawRecord] = batch.raw
        return Alert(
            source=SOURCE,
            id=derived_id("alert", "labels-unmatched", self._stream, self._partition, raw[-1].offset, labels),
            time=datetime.fromtimestamp(raw[-1].timestamp / 1000, UTC),
            severity="warning",
            subject="labels-unmatched",
            message=(
                f"partition {self._partition}: as {change.cases} labels came, {change.hits} were given up: their event "
                "never came, or its horizon had passed"
            ),
            stream=self._stream,
            kind=AlertKind.LABELS_UNMATCHED,
            key=alert_key(AlertKind.LABELS_UNMATCHED, self._stream, self._partition),
            state="firing" if change.level == "high" else "resolved",
        )
