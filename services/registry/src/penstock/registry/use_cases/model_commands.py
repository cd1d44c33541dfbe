"""Commands on models: promote a version by hand, roll back to an earlier one, archive one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from penstock.contracts.records.models import ModelEpoch
from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandRefused, CommandResult
from penstock.registry.control_records import Installation
from penstock.registry.db import audit, epochs, streams, versions
from penstock.registry.db.tables import StreamRow, VersionRow
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
    """Let the version that served before serve again, or `to_version`, or all that served in `to_epoch`."""

    to_version: int | None = None
    to_epoch: int | None = None
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
        CommandRefused: no other model has served, `to_version` has not, there was no `to_epoch`, what served in it may
            not serve now, or the stream is at another epoch by now.
    """
    row = streams.find(session, stream)
    expected_epoch = row.epoch if command.expected_epoch is None else command.expected_epoch
    earlier = None if command.to_epoch is None else _epoch(session, stream, command.to_epoch)
    if command.to_version == row.champion or (earlier is not None and _is_in_force(session, row, earlier)):
        holds.begin(session, row, command.detail, provenance)
        return streams.result_of(row, "unchanged")
    if earlier is not None:
        _put_back(session, check, earlier, expected_epoch, command.detail, provenance)
    else:
        version = versions.find(session, stream, _target_version(session, stream, command.to_version))
        _install(session, expected_epoch, _installation(check, version, "rollback", command.detail), provenance)
    holds.begin(session, streams.reload(session, stream), command.detail, provenance)
    rollout = earlier.rollout.mode if earlier is not None and earlier.rollout is not None else None
    return streams.result_of(row, "rolled_back").model_copy(update={"put_back": rollout})


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


def _epoch(session: Session, stream: str, number: int) -> ModelEpoch:
    earlier = epochs.get(session, stream, number)
    if earlier is None:
        raise CommandRefused("unknown", "unknown_epoch", f"{stream} has had no epoch {number}", "to_epoch")
    return earlier


def _is_in_force(session: Session, row: StreamRow, earlier: ModelEpoch) -> bool:
    """Whether what served in an epoch serves now, in the same shares."""
    present = epochs.newest(session, row)
    return present is not None and (present.champion, present.rollout) == (earlier.champion, earlier.rollout)


def _put_back(
    session: Session,
    check: SignatureCheck,
    earlier: ModelEpoch,
    expected_epoch: int,
    detail: str,
    provenance: Provenance,
) -> None:
    """Install what served in an epoch: its champion, and its challengers with their shares, if it had any."""
    challengers = earlier.rollout.challengers if earlier.rollout else ()
    for model in (earlier.champion, *(challenger.model for challenger in challengers)):
        require_servable(check, versions.find(session, earlier.stream, model.version))
    title = f"as in epoch {earlier.epoch}"
    reason = f"{title}: {detail}" if detail else title
    _install(session, expected_epoch, Installation(earlier.champion, "rollback", reason, earlier.rollout), provenance)
    if earlier.rollout is not None:
        rollouts.put_back(session, earlier.stream, earlier.rollout, expected_epoch + 1, reason, provenance)


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
