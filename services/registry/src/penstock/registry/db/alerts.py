"""Alerts, kept for people to see."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from penstock.contracts.records.monitoring import Alert
from penstock.registry.db.plain_json import plain_json
from penstock.registry.db.tables import AlertRow


def add(session: Session, alert: Alert) -> bool:
    """Keep an alert unless it is there; whether it was new."""
    if session.scalars(select(AlertRow).where(AlertRow.id == alert.id)).first() is not None:
        return False
    session.add(AlertRow(id=alert.id, record=plain_json(alert)))
    return True


def newest(session: Session, limit: int) -> Sequence[Alert]:
    """The newest alerts, newest first."""
    rows = session.scalars(select(AlertRow).order_by(AlertRow.position.desc()).limit(limit))
    return [Alert.model_validate(row.record) for row in rows]


def firing(session: Session, stream: str) -> Sequence[Alert]:
    """The stream's alerts that are not over: the newest of each matter, where that is firing."""
    rows = session.scalars(
        select(AlertRow).where(AlertRow.record["stream"].as_string() == stream).order_by(AlertRow.position)
    )
    newest = {alert.key: alert for alert in (Alert.model_validate(row.record) for row in rows) if alert.key is not None}
    return [alert for alert in newest.values() if alert.state == "firing"]
