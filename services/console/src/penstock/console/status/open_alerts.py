"""The alerts that are not over: what is wrong though every process is ready. Asked of the log, which has them first."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from penstock.bus.ports import Log
from penstock.console.status.report import OpenAlert
from penstock.contracts.alert_kinds import runbook_of
from penstock.contracts.batch import Unreadable
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.topics import ALERTS

FORGOTTEN_AFTER_MS: Final = 24 * 3_600_000
"""So long is an alert open that none resolves, as the notifier has it."""


async def read_open_alerts(log: Log, namespace: str) -> tuple[OpenAlert, ...]:
    """The alerts of the last day that are not over.

    Raises:
        TransientError: the log does not answer, or refuses.
    """
    key = (ALERTS.name(namespace), 0)
    starts = await log.offsets_at({key: int(time.time() * 1000) - FORGOTTEN_AFTER_MS})
    reader = await log.reader({**starts})
    try:
        raw = [record for batch in await reader.read_to_end() for record in batch.records]
    finally:
        await reader.close()
    decoded: list[Alert | Unreadable] = ALERTS.decoder(None)(raw)
    written = zip(decoded, raw, strict=True)
    return open_alerts((alert, record.timestamp) for alert, record in written if not isinstance(alert, Unreadable))


def open_alerts(alerts: Iterable[tuple[Alert, int]]) -> tuple[OpenAlert, ...]:
    """Those of which the newest of their key is firing, newest first; with each alert, when it came on the log (ms)."""
    newest: dict[str, tuple[Alert, int]] = {}
    for alert, came in alerts:
        if alert.key is not None:
            newest.pop(alert.key, None)
            newest[alert.key] = (alert, came)
    return tuple(_open(alert, came) for alert, came in reversed(newest.values()) if alert.state == "firing")


def _open(alert: Alert, came: int) -> OpenAlert:
    return OpenAlert(
        severity=alert.severity,
        kind=alert.kind or alert.subject,
        stream=alert.stream,
        message=alert.message,
        came=datetime.fromtimestamp(came // 1000, UTC),
        runbook=runbook_of(alert.kind) or "",
    )
