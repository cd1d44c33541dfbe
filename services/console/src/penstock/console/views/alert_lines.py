"""Alerts as lines for people and for programs: each with what became of it, and its runbook."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from penstock.bus.ports import Log
from penstock.console.log_client import read_control_topic
from penstock.contracts.alert_kinds import runbook_of
from penstock.contracts.records.monitoring import Alert, Notification
from penstock.contracts.topics import ALERTS, NOTIFICATIONS

RANKS = {"info": 0, "warning": 1, "critical": 2}
COLOURS = {"info": "blue", "warning": "yellow", "critical": "red"}
NEXT_LINE = "\n" + " " * 21

Deliveries = Mapping[str, Sequence[Notification]]
"""The records of deliveries, by the id of the alert."""


@dataclass(frozen=True)
class AlertFilter:
    """Which alerts are shown: of a stream (None: of all and the control plane), and of at least a severity."""

    stream: str | None
    severity: str

    def takes(self, alert: Alert) -> bool:
        """Whether this alert is shown."""
        return self.stream in (None, alert.stream) and RANKS[alert.severity] >= RANKS[self.severity]


async def read_alerts(log: Log, namespace: str, takes: Callable[[Alert], bool], last: int) -> Sequence[Alert]:
    """The newest alerts that the log has, at most `last`, the oldest of them first."""
    alerts: deque[Alert] = deque(maxlen=last)
    await read_control_topic(log, namespace, ALERTS, lambda alert: alerts.append(alert) if takes(alert) else None)
    return alerts


async def read_deliveries(log: Log, namespace: str, alerts: Sequence[Alert]) -> Deliveries:
    """The deliveries of these alerts; the first record counts where there are several of one."""
    found: dict[str, dict[str, Notification]] = {alert.id: {} for alert in alerts}

    def note(record: Notification) -> None:
        if record.alert in found:
            found[record.alert].setdefault(record.destination, record)

    await read_control_topic(log, namespace, NOTIFICATIONS, note)
    return {alert: list(records.values()) for alert, records in found.items()}


def alert_json(alert: Alert, deliveries: Deliveries) -> str:
    """An alert as one line of JSON."""
    told = [
        record.model_dump(mode="json", include={"destination", "outcome", "tries", "time", "detail"})
        for record in deliveries.get(alert.id, ())
    ]
    return json.dumps({**alert.model_dump(mode="json"), "runbook": runbook_of(alert.kind), "notifications": told})


def alert_text(alert: Alert, deliveries: Deliveries) -> Text:
    """An alert for people: when, how bad, where, what; below it who was told, and what helps."""
    state = "resolved" if alert.state == "resolved" else alert.severity
    colour = "green" if alert.state == "resolved" else COLOURS[alert.severity]
    lines = [alert.message, *_told(deliveries.get(alert.id, ()))]
    runbook = runbook_of(alert.kind)
    lines += [f"see {runbook}"] if runbook and alert.state == "firing" else []
    return Text.assemble(
        f"{alert.time:%Y-%m-%d %H:%M:%S}  ",
        (f"{state:<8} ", colour),
        f" {alert.stream or 'control plane'}: {alert.kind or alert.subject}{NEXT_LINE}",
        NEXT_LINE.join(lines),
    )


def _told(records: Sequence[Notification]) -> list[str]:
    return [f"{record.outcome} {_by(record)}" for record in records]


def _by(record: Notification) -> str:
    if record.outcome == "refused":
        return f"by {record.destination}: {record.detail}"
    return f"to {record.destination}" + (f" after {record.tries} tries" if record.tries > 1 else "")
