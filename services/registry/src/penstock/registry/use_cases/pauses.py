"""The pause of a stream: a person begins it and ends it. Meanwhile nothing is trained or promoted; answers go on."""

from __future__ import annotations

from sqlalchemy.orm import Session

from penstock.contracts.records.streams import Pause
from penstock.contracts.topics import STREAMS
from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandRefused, CommandResult
from penstock.registry.control_records import stream_state
from penstock.registry.db import audit, outbox, streams
from penstock.registry.db.tables import StreamRow


def begin(session: Session, stream: str, intake: bool, reason: str, provenance: Provenance) -> CommandResult:
    """Pause a stream, or close or open the `intake` of one that is paused; it was paused when it was at first.

    Raises:
        CommandRefused: there is no such stream.
    """
    row = streams.find(session, stream)
    before = streams.pause_of(row)
    if before is not None and before.intake == intake:
        return streams.result_of(row, "unchanged")
    since = provenance.time if before is None else before.time
    _publish(session, row, Pause(by=provenance.actor, time=since, detail=reason, intake=intake), provenance)
    audit.append(session, "stream.paused", stream, {"intake": intake, "why": reason}, provenance)
    return streams.result_of(row, "paused")


def end(session: Session, stream: str, reason: str, provenance: Provenance) -> CommandResult:
    """Let a stream go on. What waits as a proposal goes on waiting.

    Raises:
        CommandRefused: there is no such stream.
    """
    row = streams.find(session, stream)
    before = streams.pause_of(row)
    if before is None:
        return streams.result_of(row, "unchanged")
    _publish(session, row, None, provenance)
    detail = {"since": before.time.isoformat(), "by": before.by, "why": reason}
    audit.append(session, "stream.resumed", stream, detail, provenance)
    return streams.result_of(row, "resumed")


def refuse_while_paused(row: StreamRow, what: str) -> None:
    """Refuse a command that a pause speaks against.

    Raises:
        CommandRefused: the stream is paused; `what` does not go on meanwhile.
    """
    pause = streams.pause_of(row)
    if pause is not None:
        detail = f"{row.name} is paused by {pause.by}: {what}; resume the stream first"
        raise CommandRefused("conflict", "paused", detail, "stream")


def _publish(session: Session, row: StreamRow, pause: Pause | None, provenance: Provenance) -> None:
    record = stream_state(streams.declared_of(row), pause, provenance)
    streams.set_declaration(row, record)
    outbox.add(session, STREAMS, record, record.name, provenance)
