"""Repairs of rejected records and dead letters: what was done is kept in the audit log, from which it is read again."""

from __future__ import annotations

from sqlalchemy.orm import Session

from penstock.contracts.records.repairs import Repair
from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandResult
from penstock.registry.db import audit, streams


def record_repair(session: Session, stream: str, repair: Repair, provenance: Provenance) -> CommandResult:
    """Keep one step of a repair; `command` of the result is the number of its audit entry.

    Raises:
        CommandRefused: there is no such stream.
    """
    streams.find(session, stream)
    detail = repair.model_dump(mode="json", exclude_defaults=True)
    entry = audit.append(session, repair.action, stream, detail, provenance)
    return CommandResult(stream=stream, status="accepted", command=str(entry.number))
