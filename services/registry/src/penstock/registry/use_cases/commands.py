"""What people ask for, as done within a transaction."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from penstock.contracts.topics import COMMANDS
from penstock.registry.command_results import Change, CommandRefused, Occasion, Status
from penstock.registry.control_records import imported_command, retrain_command
from penstock.registry.db import audit, epochs, outbox, rollouts, streams, versions
from penstock.registry.db.tables import AuditRow, StreamRow, VersionRow
from penstock.registry.rollback import rollback_target
from penstock.registry.signature_check import Trust


@dataclass(frozen=True)
class Promotion:
    """Let a version serve, if the stream is still at `expected_epoch`; `digest`, if given, must be the version's."""

    version: int
    expected_epoch: int
    digest: str | None = None
    detail: str = ""


@dataclass(frozen=True)
class Rollback:
    """Let the version that served before serve again, or `to_version`."""

    to_version: int | None = None
    expected_epoch: int | None = None
    detail: str = ""


def promote(session: Session, trust: Trust, stream: str, asked: Promotion, occasion: Occasion) -> Change:
    """Make a version the champion by hand, whatever the gates said of it.

    Raises:
        CommandRefused: there is no such version, it must not serve, or the stream moved on meanwhile.
    """
    row, version = streams.found(session, stream), versions.found(session, stream, asked.version)
    if asked.digest is not None and asked.digest != versions.model_of(version).digest:
        raise CommandRefused("invalid", "digest_mismatch", f"version {asked.version} has another digest", "digest")
    if row.champion == asked.version:
        return change_of(row, "unchanged")
    may_serve(trust, version)
    return _install(session, row, version, asked.expected_epoch, ("command", asked.detail), occasion)


def roll_back(session: Session, trust: Trust, stream: str, asked: Rollback, occasion: Occasion) -> Change:
    """Return to an earlier model, under a higher epoch.

    Raises:
        CommandRefused: no other model has served, the one asked for has not, or the stream moved on meanwhile.
    """
    row = streams.found(session, stream)
    expected = row.epoch if asked.expected_epoch is None else asked.expected_epoch
    if asked.to_version == row.champion:
        return change_of(row, "unchanged")
    version = versions.found(session, stream, _target(session, stream, asked.to_version))
    may_serve(trust, version)
    return _install(session, row, version, expected, ("rollback", asked.detail), occasion)


def _target(session: Session, stream: str, wanted: int | None) -> int:
    history = epochs.history(session, stream)
    if wanted is None:
        archived = {row.version for row in versions.all_of(session, stream) if row.archived}
        target = rollback_target(history, archived)
        if target is None:
            detail = f"{stream} has had no other model yet: there is nothing to go back to"
            raise CommandRefused("conflict", "first_version", detail)
        return target
    versions.found(session, stream, wanted)
    if wanted not in {epoch.champion.version for epoch in history}:
        raise CommandRefused("conflict", "never_served", f"version {wanted} never served; promote it", "to_version")
    return wanted


def may_serve(trust: Trust, version: VersionRow) -> None:
    if version.archived:
        raise CommandRefused("conflict", "archived_version", f"version {version.version} is archived", "version")
    model = versions.model_of(version)
    if complaint := trust.distrust(model.name, model.run, model.digest, model.envelope):
        raise CommandRefused("conflict", "untrusted_version", f"version {version.version}: {complaint}", "version")


def _install(
    session: Session, row: StreamRow, version: VersionRow, expected: int, why: tuple[str, str], occasion: Occasion
) -> Change:
    rollouts.overtake(session, row.name, f"version {version.version} was made the champion", occasion)
    epochs.install(session, expected, versions.model_of(version), *why, occasion)
    return change_of(row, "promoted" if why[0] == "command" else "rolled_back")


def retrain(session: Session, stream: str, detail: str, occasion: Occasion) -> Change:
    """Ask the retrain-trigger for a training."""
    streams.found(session, stream)
    asked = select(func.count()).select_from(AuditRow)
    command = retrain_command(stream, session.scalar(asked) or 0, detail, occasion)
    outbox.add(session, COMMANDS, command, stream, occasion)
    audit.note(session, "retrain.requested", stream, {"command": command.id, "detail": detail}, occasion)
    return Change(stream=stream, status="accepted", command=command.id)


def imported(session: Session, stream: str, outcomes: int, detail: str, occasion: Occasion) -> Change:
    """Tell the retrain-trigger that history was imported, with which the stream has so many outcomes."""
    streams.found(session, stream)
    command = imported_command(stream, outcomes, detail, occasion)
    outbox.add(session, COMMANDS, command, stream, occasion)
    noted = {"command": command.id, "outcomes": outcomes, "detail": detail}
    audit.note(session, "history.imported", stream, noted, occasion)
    return Change(stream=stream, status="accepted", command=command.id)


def archive(session: Session, stream: str, version: int, occasion: Occasion) -> Change:
    """Take a version out of choice: it can no longer be promoted or rolled back to.

    Raises:
        CommandRefused: there is no such version, or it serves.
    """
    row, found = streams.found(session, stream), versions.found(session, stream, version)
    if row.champion == version:
        raise CommandRefused("conflict", "version_in_service", f"version {version} serves; promote another one first")
    if found.archived:
        return change_of(row, "unchanged")
    found.archived = True
    audit.note(session, "version.archived", stream, {"version": version}, occasion)
    return change_of(row, "archived")


def change_of(row: StreamRow, status: Status) -> Change:
    """What a command came to."""
    return Change(stream=row.name, status=status, schema_version=row.version, epoch=row.epoch, model=row.champion)
