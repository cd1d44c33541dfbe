"""Alerts about trainings that fail, those of which none is promoted, and the skew that they measure."""

from __future__ import annotations

from sqlalchemy.orm import Session

from penstock.contracts.alert_kinds import AlertKind
from penstock.contracts.records.training import TrainingRun
from penstock.contracts.topics import ALERTS
from penstock.registry.command_context import Provenance
from penstock.registry.control_records import kept_back_alert, skew_alert, training_failed_alert
from penstock.registry.db import outbox, training_runs
from penstock.registry.training_news import skew_news, training_news

NEWEST = 20  # trainings that are looked at


def tell_of_training(session: Session, run: TrainingRun, provenance: Provenance) -> None:
    """Alert people of what the end of this run, the stream's newest, tells."""
    for news in training_news(training_runs.newest_outcomes(session, run.stream, NEWEST)):
        alert_of = training_failed_alert if news.kind is AlertKind.TRAINING_FAILED else kept_back_alert
        outbox.add(session, ALERTS, alert_of(run, is_over=news.is_over), run.stream, provenance)


def tell_of_skew(session: Session, run: TrainingRun, provenance: Provenance) -> None:
    """Alert people of skew that this run, whose candidate can be trusted, has measured, or that it measured none."""
    skew = run.evaluation.skew if run.evaluation else None
    if skew is None:
        return
    news = skew_news(skew, training_runs.newest_skew(session, run.stream))
    if news is not None:
        outbox.add(session, ALERTS, skew_alert(run, skew, is_over=news.is_over), run.stream, provenance)
