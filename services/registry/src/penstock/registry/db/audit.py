"""The audit log in the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from penstock.contracts.records.governance import AuditEntry
from penstock.contracts.topics import AUDIT
from penstock.registry.audit_chain import Head, linked
from penstock.registry.command_results import Occasion
from penstock.registry.db import outbox
from penstock.registry.db.tables import AuditRow


def note(session: Session, action: str, subject: str, detail: dict[str, Any], occasion: Occasion) -> AuditEntry:
    """Append an entry to the chain; with its hash, the new head, it goes out on `audit`."""
    entry = linked(head(session), action, subject, detail, occasion)
    session.add(AuditRow(number=entry.number, hash=entry.hash, record=entry.model_dump(mode="json")))
    outbox.add(session, AUDIT, entry, subject, occasion)
    session.flush()
    return entry


def head(session: Session) -> Head | None:
    """The newest entry, None when there is none."""
    row = session.scalars(select(AuditRow).order_by(AuditRow.number.desc()).limit(1)).first()
    return Head(row.number, row.hash) if row else None


def entries(session: Session, after: int = 0, most: int | None = None) -> Iterator[AuditEntry]:
    """The entries beyond number `after`, in order, at most `most` of them."""
    rows = session.scalars(
        select(AuditRow).where(AuditRow.number > after).order_by(AuditRow.number).limit(most)
    ).yield_per(1000)
    for row in rows:
        yield AuditEntry.model_validate(row.record)
