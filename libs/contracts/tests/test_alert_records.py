"""Alerts: those of earlier releases are read, and a kind that is not known here has no runbook."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from penstock.contracts.alert_kinds import AlertKind, alert_key, runbook_of
from penstock.contracts.records.monitoring import Alert

OLD: dict[str, Any] = {
    "specversion": "1.0",
    "type": "penstock.alert.v1",
    "source": "penstock/registry",
    "id": "a1",
    "time": "2026-02-20T09:00:00Z",
    "data": {"severity": "warning", "subject": "returned", "message": "m", "stream": "loans", "version": 3},
}


def test_an_alert_of_an_earlier_release_is_read_as_one_that_stands_alone() -> None:
    alert = Alert.from_json(json.dumps(OLD).encode())
    assert (alert.kind, alert.key, alert.state, alert.event_time) == (None, None, "firing", None)
    assert alert.version == 3


def test_a_kind_of_a_later_release_is_read_and_has_no_runbook() -> None:
    alert = Alert.from_json(json.dumps({**OLD, "data": {**OLD["data"], "kind": "meteor", "key": "k"}}).encode())
    assert alert.kind == "meteor"
    assert runbook_of(alert.kind) is None
    assert runbook_of(None) is None


def test_the_kind_on_the_log_is_plain_text() -> None:
    alert = Alert(
        source="s",
        id="i",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        severity="info",
        subject="drift",
        message="m",
        kind=AlertKind.DRIFT,
        key=alert_key(AlertKind.DRIFT, "loans"),
    )
    assert json.loads(alert.to_json())["data"]["kind"] == "drift"
    assert json.loads(alert.to_json())["data"]["key"] == "drift/loans"
