"""Transactional outbox: records are stored with the change they tell of, and published after it was committed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from penstock.contracts.records.control import ControlRecord
from penstock.contracts.topics import Topic
from penstock.registry.command_context import Provenance
from penstock.registry.db.tables import OutboxRow

BATCH_ROWS = 100


def add(session: Session, topic: Topic[Any], record: ControlRecord, key: str, provenance: Provenance) -> None:
    """Have a record published after all that were added before it."""
    session.add(OutboxRow(topic=topic.short_name, key=key, value=record.to_json(), traceparent=provenance.traceparent))
    session.flush()


def unpublished(session: Session) -> list[OutboxRow]:
    """The oldest unpublished records, in order, at most `BATCH_ROWS`."""
    rows = select(OutboxRow).where(OutboxRow.published.is_(False))
    return list(session.scalars(rows.order_by(OutboxRow.position).limit(BATCH_ROWS)))


def unpublished_count(session: Session) -> int:
    """How many records are unpublished."""
    return session.scalar(select(func.count()).where(OutboxRow.published.is_(False))) or 0


def mark_published(session: Session, positions: Collection[int]) -> None:
    """Note that the records at these positions are on the log."""
    session.execute(update(OutboxRow).where(OutboxRow.position.in_(positions)).values(published=True))
