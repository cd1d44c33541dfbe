"""Tells that records of a unit become dead letters: once, and once more when none has for an hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from penstock.bus.alert_writer import AlertWriter
from penstock.bus.routes import Unit
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Alert, AlertState

DEAD_LETTERS: Final = "dead-letters"
QUIET_S = 3600.0


class DeadLetterWatch:
    """The units of one member that have dead letters, and when the last one was. A restart forgets them."""

    def __init__(self, group: str, alerts: AlertWriter, clock: Callable[[], float] = monotonic) -> None:
        self._group = group
        self._alerts = alerts
        self._clock = clock
        self._newest: dict[Unit, float] = {}

    def add(self, unit: Unit, topic: str, reason: str) -> None:
        """Take in that a record of the topic becomes a dead letter for this reason."""
        if unit not in self._newest:
            message = f"a record of {topic} went to the dead letters: {reason}"
            self._alerts.add(dead_letter_alert(self._group, unit, message, "firing"))
        self._newest[unit] = self._clock()

    def look(self) -> None:
        """Tell of the units that have had no dead letter for an hour."""
        end = self._clock() - QUIET_S
        for unit in [unit for unit, newest in self._newest.items() if newest <= end]:
            del self._newest[unit]
            self._alerts.add(dead_letter_alert(self._group, unit, "no record went to the dead letters", "resolved"))


def dead_letter_alert(group: str, unit: Unit, message: str, state: AlertState) -> Alert:
    """The alert about the dead letters of a unit."""
    now = datetime.now(UTC)
    return Alert(
        source=f"penstock/{group}",
        id=derived_id(DEAD_LETTERS, group, unit, now.isoformat()),
        time=now,
        severity="warning" if state == "firing" else "info",
        subject=DEAD_LETTERS,
        message=f"{group}: unit {unit}: {message}" + ("" if state == "firing" else " for an hour"),
        stream=unit.stream,
        kind=AlertKind.DEAD_LETTERS,
        key=alert_key(AlertKind.DEAD_LETTERS, unit.stream, group, unit.partition),
        state=state,
    )
