"""The alerts that are not over: what is wrong though every process is ready."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from penstock.console.status.report import OpenAlert
from penstock.contracts.alert_kinds import runbook_of
from penstock.contracts.records.monitoring import Alert

FORGOTTEN_AFTER = timedelta(days=1)
"""So long is an alert open that none resolves, as the notifier has it."""


def open_alerts(alerts: Sequence[Alert], now: datetime) -> Iterator[OpenAlert]:
    """Those of which the newest of their key is firing, from the newest alerts, newest first."""
    seen: set[str] = set()
    for alert in alerts:
        if alert.key is None or alert.key in seen:
            continue
        seen.add(alert.key)
        if alert.state == "firing" and now - alert.time < FORGOTTEN_AFTER:
            yield OpenAlert(
                severity=alert.severity,
                kind=alert.kind or alert.subject,
                stream=alert.stream,
                message=alert.message,
                time=alert.time,
                runbook=runbook_of(alert.kind) or "",
            )
