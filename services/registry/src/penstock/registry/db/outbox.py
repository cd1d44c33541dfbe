"""Records that a transaction leaves to be published: none is lost, none goes out for what was not committed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from penstock.contracts.records.control import ControlRecord
from penstock.contracts.topics import Topic
from penstock.registry.command_results import Occasion
from penstock.registry.db.tables import OutboxRow

AT_ONCE = 100


def add(session: Session, topic: Topic[Any], record: ControlRecord, key: str, occasion: Occasion) -> None:
    """Let the record be published after what was added before it."""
    session.add(OutboxRow(topic=topic.noun, key=key, value=record.to_json(), traceparent=occasion.traceparent))
    session.flush()


def waiting(session: Session) -> list[OutboxRow]:
    """The oldest unpublished records, in order."""
    unpublished = select(OutboxRow).where(OutboxRow.published.is_(False))
    return list(session.scalars(unpublished.order_by(OutboxRow.position).limit(AT_ONCE)))


def count(session: Session) -> int:
    """How many records are unpublished."""
    return session.scalar(select(func.count()).where(OutboxRow.published.is_(False))) or 0


def mark(session: Session, positions: Collection[int]) -> list[OutboxRow]:
    """Remember that these records are on the log; the answer is what waits behind them."""
    session.execute(update(OutboxRow).where(OutboxRow.position.in_(positions)).values(published=True))
    return waiting(session)
