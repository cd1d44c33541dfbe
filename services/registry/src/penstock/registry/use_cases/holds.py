"""The hold of a stream: a person's rollback begins it, and a person lifts it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandResult
from penstock.registry.db import audit, streams
from penstock.registry.db.tables import StreamRow
from penstock.registry.proposal import Hold


def begin(session: Session, stream: StreamRow, detail: str, provenance: Provenance) -> None:
    """Let nothing change by itself from the stream's present epoch on; the first rollback of several is named."""
    if stream.hold is None:
        hold = Hold(epoch=stream.epoch, by=provenance.actor, time=provenance.time, detail=detail)
        stream.hold = hold.model_dump(mode="json")
        audit.append(session, "stream.held", stream.name, {"epoch": stream.epoch, "why": detail}, provenance)


def lift(session: Session, stream: StreamRow, why: str, provenance: Provenance) -> bool:
    """Let the registry act by itself again; whether it was held."""
    if stream.hold is None:
        return False
    stream.hold = None
    audit.append(session, "stream.released", stream.name, {"epoch": stream.epoch, "why": why}, provenance)
    return True


def release(session: Session, stream: str, detail: str, provenance: Provenance) -> CommandResult:
    """Lift the hold by command. What waits as a proposal goes on waiting.

    Raises:
        CommandRefused: there is no such stream.
    """
    row = streams.find(session, stream)
    return streams.result_of(row, "released" if lift(session, row, detail, provenance) else "unchanged")
