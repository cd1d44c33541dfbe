"""Alerts about challengers that must not serve."""

from __future__ import annotations

from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.ids import derived_id
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import FAILED_CHALLENGER, Alert

SOURCE = "penstock/server"


def failed_challenger(record: ModelEpoch, version: int, reason: str) -> Alert:
    """The alert about a challenger that was taken out: at it the registry ends the rollout."""
    return Alert(
        source=SOURCE,
        id=derived_id(FAILED_CHALLENGER, record.stream, record.epoch, version),
        time=record.time,
        cause=record.id,
        severity="critical",
        subject=FAILED_CHALLENGER,
        message=f"the challenger, version {version}, was taken out in epoch {record.epoch}: {reason}",
        stream=record.stream,
        version=version,
        kind=AlertKind.ROLLOUT,
        key=alert_key(AlertKind.ROLLOUT, record.stream),
    )
