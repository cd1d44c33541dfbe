"""Streams: the newest declaration of each, its epoch and its champion."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.streams import Deletion, Pause, StreamDeclared
from penstock.registry.command_results import CommandRefused, CommandResult, Status
from penstock.registry.control_records import digest_of_declaration
from penstock.registry.db.tables import StreamRow
from penstock.registry.promotion import BASELINE_VERSION
from penstock.registry.proposal import Hold


def add(session: Session, record: StreamDeclared, epoch: int, champion: int) -> StreamRow:
    """Add a stream by its first declaration."""
    row = StreamRow(
        name=record.name,
        version=record.version,
        digest=digest_of_declaration(record.declaration),
        declaration_record=record.model_dump(mode="json"),
        position=session.scalar(select(func.count()).select_from(StreamRow)) or 0,
        epoch=epoch,
        champion=champion,
    )
    session.add(row)
    return row


def set_declaration(row: StreamRow, record: StreamDeclared) -> None:
    """Make a record the newest of its stream."""
    row.version = record.version
    row.digest = digest_of_declaration(record.declaration)
    row.declaration_record = record.model_dump(mode="json")


def get(session: Session, name: str) -> StreamRow | None:
    """The row of a stream, deleted or not; None when it was never applied."""
    return session.get(StreamRow, name)


def find(session: Session, name: str) -> StreamRow:
    """The row of a stream that commands may change.

    Raises:
        CommandRefused: there is none, or it was deleted.
    """
    row = find_known(session, name)
    deletion = deletion_of(row)
    if deletion is not None:
        raise CommandRefused("unknown", "unknown_stream", deletion_text(name, deletion), "stream")
    return row


def find_known(session: Session, name: str) -> StreamRow:
    """The row of a stream, also of one that was deleted: its history stays.

    Raises:
        CommandRefused: no stream had the name.
    """
    row = get(session, name)
    if row is None:
        raise CommandRefused("unknown", "unknown_stream", "no stream of this name was applied", "stream")
    return row


def is_deleted(session: Session, name: str) -> bool:
    """Whether there was such a stream, and it was deleted."""
    row = get(session, name)
    return row is not None and deletion_of(row) is not None


def reload(session: Session, name: str) -> StreamRow:
    """The row of a stream that is there, read anew: installing an epoch changes it past the session."""
    row = session.get(StreamRow, name, populate_existing=True)
    assert row is not None
    return row


def declaration_of(row: StreamRow) -> Declaration:
    """The newest declaration."""
    return declared_of(row).declaration


def declared_of(row: StreamRow) -> StreamDeclared:
    """The newest record of the stream, as it went on `streams`."""
    return StreamDeclared.model_validate(row.declaration_record)


def pause_of(row: StreamRow) -> Pause | None:
    """The pause that a person began, None when there is none."""
    return declared_of(row).pause


def deletion_of(row: StreamRow) -> Deletion | None:
    """The deletion of a stream that a person deleted."""
    return declared_of(row).deletion


def deletion_text(name: str, deletion: Deletion) -> str:
    """That a stream is gone, by whom and since when."""
    return f"{name} was deleted by {deletion.by} on {deletion.time:%Y-%m-%d}; its history stays: penstock ledger {name}"


def has_external_champion(row: StreamRow) -> bool:
    """Whether the stream's model is external, and no person has put one of ours in its place."""
    return row.champion == BASELINE_VERSION and declaration_of(row).serving.external


def hold_of(row: StreamRow) -> Hold | None:
    """The hold that a person's rollback began, None when there is none."""
    return None if row.hold is None else Hold.model_validate(row.hold)


def result_of(row: StreamRow, status: Status) -> CommandResult:
    """The stream as it is now, as the result of a command."""
    return CommandResult(
        stream=row.name, status=status, schema_version=row.version, epoch=row.epoch, model=row.champion
    )


def all_of(session: Session) -> Sequence[StreamRow]:
    """All streams that were not deleted, in the order in which they were first applied."""
    rows = session.scalars(select(StreamRow).order_by(StreamRow.position))
    return [row for row in rows if "deletion" not in row.declaration_record]
