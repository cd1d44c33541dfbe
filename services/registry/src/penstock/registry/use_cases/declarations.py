"""Applying a declaration: a new stream, served by its baseline at once, or a change of one."""

from __future__ import annotations

from sqlalchemy.orm import Session

from penstock.contracts.declaration.apply_check import first_violation
from penstock.contracts.declaration.declaration_order import in_order_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import ModelVersion
from penstock.contracts.records.streams import Pause, StreamDeclared
from penstock.contracts.topics import STREAMS
from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandRefused, CommandResult
from penstock.registry.control_records import Installation, digest_of_declaration, stream_declared
from penstock.registry.db import audit, epochs, outbox, streams, versions
from penstock.registry.db.tables import StreamRow
from penstock.registry.declaration_changes import first_incompatibility
from penstock.registry.use_cases import deletions, rollouts

BEFORE_FIRST_EPOCH = -1


def apply(session: Session, declaration: Declaration, baseline: ModelVersion, provenance: Provenance) -> CommandResult:
    """Declare a stream, or change its declaration; a new one is served by `baseline` from epoch 0 on.

    A change keeps the order of fields and classes: the same ones in another order are no change.

    Raises:
        CommandRefused: a value is wrong, its records could be larger than the log takes, or the change would make
            records on the log unreadable, or a stream of that name was deleted.
    """
    row = streams.get(session, declaration.name)
    if row is None:
        _refuse_violation(declaration)
        return _create(session, declaration, baseline, provenance)
    deletions.refuse_deleted(row)
    before = streams.declaration_of(row)
    declaration = in_order_of(before, declaration)
    if declaration == before:
        return streams.result_of(row, "unchanged")
    _refuse_violation(declaration)
    _refuse_incompatibility(before, declaration)
    pause = streams.pause_of(row)
    streams.set_declaration(row, _publish(session, declaration, row.version + 1, provenance, pause))
    if declaration.serving.external and not before.serving.external and row.champion != baseline.version:
        _give_way(session, row, baseline, provenance)
    return streams.result_of(row, "changed")


def _give_way(session: Session, row: StreamRow, baseline: ModelVersion, provenance: Provenance) -> None:
    """Our champion serves no more: from now on events bring the predictions of an external model."""
    reason = "the stream's model is external from now on"
    rollouts.end_for_another_champion(session, row.name, reason, provenance)
    epochs.install(session, row.epoch, Installation(baseline, "command", reason), provenance)


def _refuse_violation(declaration: Declaration) -> None:
    violation = first_violation(declaration)
    if violation is not None:
        raise CommandRefused("invalid", "invalid_declaration", f"{violation.key}: {violation.detail}", violation.key)


def _refuse_incompatibility(before: Declaration, after: Declaration) -> None:
    change = first_incompatibility(before, after)
    if change is not None:
        raise CommandRefused("conflict", "incompatible_declaration", f"{change.field}: {change.detail}", change.field)


def _create(
    session: Session, declaration: Declaration, baseline: ModelVersion, provenance: Provenance
) -> CommandResult:
    record = _publish(session, declaration, 1, provenance)
    row = streams.add(session, record, BEFORE_FIRST_EPOCH, baseline.version)
    versions.register(session, baseline, True, provenance)
    epochs.install(session, BEFORE_FIRST_EPOCH, Installation(baseline, "baseline"), provenance.caused_by(record.id))
    return streams.result_of(row, "created")


def _publish(
    session: Session, declaration: Declaration, version: int, provenance: Provenance, pause: Pause | None = None
) -> StreamDeclared:
    record = stream_declared(declaration, version, provenance, pause)
    outbox.add(session, STREAMS, record, record.name, provenance)
    detail = {"version": version, "digest": digest_of_declaration(declaration)}
    audit.append(session, "stream.declared", record.name, detail, provenance)
    return record
