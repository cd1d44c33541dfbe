"""The alert about a unit that is suspended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from penstock.bus.routes import Unit
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Alert

SUSPENDED_UNIT: Final = "suspended-unit"
RESUMED_UNIT: Final = "resumed-unit"


def suspension_alert(group: str, unit: Unit, subject: str, message: str) -> Alert:
    """The alert that a unit is suspended or goes on. `message` goes on from its name: `is suspended: …`."""
    now = datetime.now(UTC)
    return Alert(
        source=f"penstock/{group}",
        id=derived_id(subject, group, unit, now.isoformat()),
        time=now,
        severity="info" if subject == RESUMED_UNIT else "critical",
        subject=subject,
        message=f"{group}: unit {unit} {message}",
        stream=unit.stream,
        kind=AlertKind.UNIT_SUSPENDED,
        key=alert_key(AlertKind.UNIT_SUSPENDED, unit.stream, group, unit.partition),
        state="resolved" if subject == RESUMED_UNIT else "firing",
    )
