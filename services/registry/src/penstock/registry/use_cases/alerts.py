"""Alerts: kept for people, and the end of a rollout whose challenger failed."""

from __future__ import annotations

from sqlalchemy.orm import Session

from penstock.contracts.records.monitoring import FAILED_CHALLENGER, Alert
from penstock.registry.command_context import Provenance
from penstock.registry.db import alerts
from penstock.registry.db import rollouts as rollout_rows
from penstock.registry.use_cases import rollouts


def record_alert(session: Session, alert: Alert, provenance: Provenance) -> None:
    """Keep an alert; a challenger that a server's circuit breaker took out is taken back. Repeats change nothing."""
    if not alerts.add(session, alert) or alert.subject != FAILED_CHALLENGER or not alert.stream:
        return
    rollout = rollout_rows.under_way(session, alert.stream)
    if rollout is not None and alert.version in rollout.versions:
        rollouts.take_back(session, rollout, alert.message, provenance)
