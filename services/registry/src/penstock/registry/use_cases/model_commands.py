"""Commands on models: promote a version by hand, roll back to an earlier one, archive one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandRefused, CommandResult
from penstock.registry.control_records import Installation
from penstock.registry.db import audit, epochs, streams, versions
from penstock.registry.db.tables import VersionRow
from penstock.registry.rollback import rollback_target
from penstock.registry.signature_check import SignatureCheck
from penstock.registry.use_cases import holds, rollouts


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


def promote(
    session: Session, check: SignatureCheck, stream: str, command: Promotion, provenance: Provenance
) -> CommandResult:
    """Make a version the champion by hand, even if the gates kept it back; that lifts the hold of a rollback.

    Raises:
        CommandRefused: there is no such version, it must not serve, or the stream is at another epoch by now.
    """
    row, version = streams.find(session, stream), versions.find(session, stream, command.version)
    if command.digest is not None and command.digest != versions.model_of(version).digest:
        raise CommandRefused("invalid", "digest_mismatch", f"version {command.version} has another digest", "digest")
    if row.champion == command.version:
        return streams.result_of(row, "unchanged")
    installation = _installation(check, version, "command", command.detail)
    _install(session, command.expected_epoch, installation, provenance)
    holds.lift(session, row, f"version {command.version} was promoted", provenance)
    return streams.result_of(row, "promoted")


def roll_back(
    session: Session, check: SignatureCheck, stream: str, command: Rollback, provenance: Provenance
) -> CommandResult:
    """Return to an earlier model, under a higher epoch; from then on nothing changes by itself until that is lifted.

    Raises:
        CommandRefused: no other model has served, `to_version` has not, or the stream is at another epoch by now.
    """
    row = streams.find(session, stream)
    expected_epoch = row.epoch if command.expected_epoch is None else command.expected_epoch
    if command.to_version == row.champion:
        holds.begin(session, row, command.detail, provenance)
        return streams.result_of(row, "unchanged")
    version = versions.find(session, stream, _target_version(session, stream, command.to_version))
    installation = _installation(check, version, "rollback", command.detail)
    _install(session, expected_epoch, installation, provenance)
    holds.begin(session, streams.reload(session, stream), command.detail, provenance)
    return streams.result_of(row, "rolled_back")


def archive(session: Session, stream: str, version: int, provenance: Provenance) -> CommandResult:
    """Archive a version: it can no longer be promoted or rolled back to.

    Raises:
        CommandRefused: there is no such version, or it serves.
    """
    row, version_row = streams.find(session, stream), versions.find(session, stream, version)
    if row.champion == version:
        raise CommandRefused("conflict", "version_in_service", f"version {version} serves; promote another one first")
    if version_row.archived:
        return streams.result_of(row, "unchanged")
    version_row.archived = True
    audit.append(session, "version.archived", stream, {"version": version}, provenance)
    return streams.result_of(row, "archived")


def require_servable(check: SignatureCheck, version: VersionRow) -> None:
    """Check that a version may serve.

    Raises:
        CommandRefused: it is archived, not signed by a trusted key, or not in the store.
    """
    if version.archived:
        raise CommandRefused("conflict", "archived_version", f"version {version.version} is archived", "version")
    if refusal := check.refusal_of_model(versions.model_of(version)):
        raise CommandRefused("conflict", "untrusted_version", f"version {version.version}: {refusal}", "version")


def _target_version(session: Session, stream: str, to_version: int | None) -> int:
    history = epochs.all_of(session, stream)
    if to_version is None:
        archived = {row.version for row in versions.all_of(session, stream) if row.archived}
        target = rollback_target(history, archived)
        if target is None:
            serving = streams.find(session, stream).champion
            detail = f"no model of {stream} came before version {serving}, which serves; name one that has served"
            raise CommandRefused("conflict", "first_version", detail)
        return target
    versions.find(session, stream, to_version)
    if to_version not in {epoch.champion.version for epoch in history}:
        detail = f"version {to_version} never served; promote it"
        raise CommandRefused("conflict", "never_served", detail, "to_version")
    return to_version


def _installation(check: SignatureCheck, version: VersionRow, reason: str, detail: str) -> Installation:
    require_servable(check, version)
    return Installation(versions.model_of(version), reason, detail)


def _install(session: Session, expected_epoch: int, installation: Installation, provenance: Provenance) -> None:
    champion = installation.champion
    reason = f"version {champion.version} was made the champion"
    rollouts.end_for_another_champion(session, champion.name, reason, provenance)
    epochs.install(session, expected_epoch, installation, provenance)
