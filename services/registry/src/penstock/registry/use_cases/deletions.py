"""The deletion of a stream: a person begins it, and it is complete once its topics are gone. Its history stays."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from penstock.contracts.records.streams import Deletion
from penstock.contracts.topics import ALERTS, STREAMS
from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandRefused, CommandResult
from penstock.registry.control_records import ended_alert, stream_state
from penstock.registry.db import alerts, audit, outbox, proposals, streams
from penstock.registry.db.tables import StreamRow
from penstock.registry.use_cases import rollouts


def begin(session: Session, stream: str, reason: str, provenance: Provenance) -> CommandResult:
    """Delete a stream: services leave it, its rollout ends, and what waited as a proposal is declined.

    Raises:
        CommandRefused: no stream had the name.
    """
    row = streams.find_known(session, stream)
    if streams.deletion_of(row) is not None:
        return streams.result_of(row, "unchanged")
    why = f"the stream was deleted: {reason}"
    rollouts.end_for_another_champion(session, stream, why, provenance)
    _decline_proposal(session, stream, why, provenance)
    deletion = Deletion(by=provenance.actor, time=provenance.time, detail=reason)
    _publish(session, row, deletion, provenance)
    audit.append(session, "stream.deleted", stream, {"why": reason}, provenance)
    return streams.result_of(row, "deleted")


def complete(session: Session, stream: str, topics: Sequence[str], provenance: Provenance) -> None:
    """Keep that the topics of a deleted stream are gone, and end its alerts; a repeat changes nothing."""
    row = streams.find_known(session, stream)
    deletion = streams.deletion_of(row)
    if deletion is None or deletion.completed is not None:
        return
    _publish(session, row, deletion.model_copy(update={"completed": provenance.time}), provenance)
    audit.append(session, "stream.topics-deleted", stream, {"topics": list(topics)}, provenance)
    for alert in alerts.firing(session, stream):
        outbox.add(session, ALERTS, ended_alert(alert, provenance), stream, provenance)


def refuse_deleted(row: StreamRow) -> None:
    """Refuse to declare a stream again under the name of one that was deleted.

    Raises:
        CommandRefused: it was deleted; the ids of its records follow from its name, so that it is not given twice.
    """
    deletion = streams.deletion_of(row)
    if deletion is not None:
        detail = f"{streams.deletion_text(row.name, deletion)}; declare the stream under another name"
        raise CommandRefused("conflict", "deleted_stream", detail)


def _decline_proposal(session: Session, stream: str, why: str, provenance: Provenance) -> None:
    waiting = proposals.waiting(session, stream)
    if waiting is not None:
        proposals.decide(waiting, "declined", why, provenance)
        audit.append(session, "proposal.declined", stream, proposals.audit_detail(waiting, why=why), provenance)


def _publish(session: Session, row: StreamRow, deletion: Deletion, provenance: Provenance) -> None:
    record = stream_state(streams.declared_of(row), None, provenance, deletion)
    streams.set_declaration(row, record)
    outbox.add(session, STREAMS, record, record.name, provenance)
