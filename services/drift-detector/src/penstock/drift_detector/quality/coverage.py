"""Whether labels come: the alert about a stream most of whose outcomes have none."""

from __future__ import annotations

from penstock.bus.state.share_level import ShareLevel
from penstock.bus.state.unit_state import State
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Alert, Statistics
from penstock.drift_detector.record_source import SOURCE

_SHARE = b"2a"
WINDOW = 300  # outcomes
HIGH, LOW = 0.5, 0.25


class CoverageWatch:
    """Watches the share of outcomes whose labels did not come in time: high from a half on, normal below a quarter."""

    def __init__(self, state: State) -> None:
        self._share = ShareLevel(state, _SHARE, window=WINDOW, high=HIGH, low=LOW)

    def update(self, record: Statistics) -> Alert | None:
        """The alert that a block's record leads to; a block counts once, when it is complete."""
        if record.clock != "provisional":
            return None
        change = self._share.update(record.joined + record.expired, record.expired)
        if change is None:
            return None
        return Alert(
            source=SOURCE,
            id=derived_id("alert", "coverage", record.stream, record.start),
            time=record.time,
            cause=record.id,
            severity="warning",
            subject="coverage",
            message=f"{change.hits} of the last {change.cases} outcomes got no label in time",
            stream=record.stream,
            kind=AlertKind.COVERAGE,
            key=alert_key(AlertKind.COVERAGE, record.stream),
            state="firing" if change.level == "high" else "resolved",
            event_time=record.last_time,
        )
