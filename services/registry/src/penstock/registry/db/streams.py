"""Streams: declaring them, and finding them again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import ModelVersion
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import STREAMS
from penstock.registry.command_results import Change, CommandRefused, Occasion
from penstock.registry.compatibility import incompatibility
from penstock.registry.control_records import digest_of_declaration, stream_declared
from penstock.registry.db import audit, epochs, outbox, versions
from penstock.registry.db.tables import StreamRow

UNSERVED = -1  # the epoch of a stream before its baseline is installed


def declare(session: Session, declaration: Declaration, baseline: ModelVersion, occasion: Occasion) -> Change:
    """Declare a stream, or change its declaration; a new one is served by its baseline from epoch 0 on.

    Raises:
        CommandRefused: the stream cannot take the change.
    """
    row = session.get(StreamRow, declaration.name)
    if row is None:
        return _create(session, declaration, baseline, occasion)
    if row.digest == digest_of_declaration(declaration):
        return _stands(row, "unchanged")
    fault = incompatibility(StreamDeclared.model_validate(row.declared).declaration, declaration)
    if fault:
        raise CommandRefused("conflict", "incompatible_declaration", f"{fault.field}: {fault.detail}", fault.field)
    row.version += 1
    row.digest = digest_of_declaration(declaration)
    row.declared = _announce(session, declaration, row.version, occasion).model_dump(mode="json")
    return _stands(row, "changed")


def _create(session: Session, declaration: Declaration, baseline: ModelVersion, occasion: Occasion) -> Change:
    record = _announce(session, declaration, 1, occasion)
    row = StreamRow(
        name=record.name,
        version=1,
        digest=digest_of_declaration(declaration),
        declared=record.model_dump(mode="json"),
        position=session.scalar(select(func.count()).select_from(StreamRow)) or 0,
        epoch=UNSERVED,
        champion=baseline.version,
    )
    session.add(row)
    versions.register(session, baseline, True, occasion)
    caused = Occasion(occasion.actor, occasion.time, record.id, occasion.traceparent)
    epochs.install(session, UNSERVED, baseline, "baseline", "", caused)
    return _stands(row, "created")


def _announce(session: Session, declaration: Declaration, version: int, occasion: Occasion) -> StreamDeclared:
    record = stream_declared(declaration, version, occasion)
    outbox.add(session, STREAMS, record, record.name, occasion)
    said = {"version": version, "digest": digest_of_declaration(declaration)}
    audit.note(session, "stream.declared", record.name, said, occasion)
    return record


def _stands(row: StreamRow, status: str) -> Change:
    fields = {"stream": row.name, "status": status, "schema_version": row.version}
    return Change.model_validate({**fields, "epoch": row.epoch, "model": row.champion})


def found(session: Session, name: str) -> StreamRow:
    """The row of a stream.

    Raises:
        CommandRefused: there is none.
    """
    row = session.get(StreamRow, name)
    if row is None:
        raise CommandRefused("unknown", "unknown_stream", "no stream of this name was applied", "stream")
    return row


def declaration_of(row: StreamRow) -> Declaration:
    """The newest declaration."""
    return StreamDeclared.model_validate(row.declared).declaration


def all_of(session: Session) -> Sequence[StreamRow]:
    """All streams, in the order in which they were first applied."""
    return session.scalars(select(StreamRow).order_by(StreamRow.position)).all()
