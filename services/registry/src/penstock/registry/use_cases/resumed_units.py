"""Partitions that a person had services try again: the services do it, and the audit log keeps who and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandResult
from penstock.registry.db import audit, streams


def record_resumed_units(
    session: Session, stream: str, resumed: Mapping[str, Sequence[int]], reason: str, provenance: Provenance
) -> CommandResult:
    """Keep which partitions of which groups were resumed; `command` of the result is the number of its audit entry.

    Raises:
        CommandRefused: there is no such stream.
    """
    streams.find(session, stream)
    detail = {"resumed": {group: list(partitions) for group, partitions in resumed.items()}, "why": reason}
    entry = audit.append(session, "units.resumed", stream, detail, provenance)
    return CommandResult(stream=stream, status="accepted", command=str(entry.number))
