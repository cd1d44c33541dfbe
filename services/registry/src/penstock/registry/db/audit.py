"""The audit log in the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from penstock.contracts.records.governance import AuditEntry
from penstock.contracts.topics import AUDIT
from penstock.registry.audit_chain import ChainHead, next_entry
from penstock.registry.command_context import Provenance
from penstock.registry.db import outbox
from penstock.registry.db.tables import AuditRow


def append(session: Session, action: str, subject: str, detail: dict[str, Any], provenance: Provenance) -> AuditEntry:
    """Append an entry to the chain and publish it on `audit`: its hash is the new head."""
    entry = next_entry(newest_head(session), action, subject, detail, provenance)
    session.add(AuditRow(number=entry.number, hash=entry.hash, record=entry.model_dump(mode="json")))
    outbox.add(session, AUDIT, entry, subject, provenance)
    session.flush()
    return entry


def newest_head(session: Session) -> ChainHead | None:
    """The head of the chain, None when it is empty."""
    row = session.scalars(select(AuditRow).order_by(AuditRow.number.desc()).limit(1)).first()
    return ChainHead(row.number, row.hash) if row else None


def entries(session: Session, after: int = 0, limit: int | None = None) -> Iterator[AuditEntry]:
    """The entries beyond number `after`, in order, at most `limit` of them."""
    rows = session.scalars(
        select(AuditRow).where(AuditRow.number > after).order_by(AuditRow.number).limit(limit)
    ).yield_per(1000)
    for row in rows:
        yield AuditEntry.model_validate(row.record)


def count(session: Session) -> int:
    """How many entries there are."""
    return session.scalar(select(func.count()).select_from(AuditRow)) or 0
