"""Commands on proposals: approve one, which carries it out, or decline it."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandRefused, CommandResult, Status
from penstock.registry.control_records import Installation
from penstock.registry.db import audit, epochs, proposals, streams, versions
from penstock.registry.db import rollouts as rollout_rows
from penstock.registry.db.tables import ProposalRow, RolloutRow, StreamRow
from penstock.registry.signature_check import SignatureCheck
from penstock.registry.use_cases import holds, rollouts
from penstock.registry.use_cases.model_commands import require_servable


def approve(session: Session, check: SignatureCheck, number: int, reason: str, provenance: Provenance) -> CommandResult:
    """Carry a proposal out: install its model, or start its rollout. Approved before, it changes nothing.

    It may be approved as long as the champion is the one that it was made against: the evidence compares the two.
    Epochs that only moved the shares of a rollout do not matter.

    Raises:
        CommandRefused: there is no such proposal, it was declined or superseded, the champion is another one by now,
            its rollout has ended, or its version must not serve.
    """
    row = proposals.find(session, number)
    stream = streams.find(session, row.stream)
    if row.state == "approved":
        return streams.result_of(stream, "unchanged")
    _require_waiting(row)
    if stale := why_stale(session, row, stream):
        raise CommandRefused("conflict", "stale_epoch", f"proposal {number} was made at epoch {row.epoch}: {stale}")
    require_servable(check, versions.find(session, row.stream, row.version))
    _decide(session, row, "approved", reason, provenance)
    return streams.result_of(stream, _carry_out(session, row, stream, reason, provenance))


def decline(session: Session, number: int, reason: str, provenance: Provenance) -> CommandResult:
    """Decline a proposal; a rollout that proposed it ends, with its challenger taken back. Repeats change nothing.

    Raises:
        CommandRefused: there is no such proposal, or it was approved or superseded.
    """
    row = proposals.find(session, number)
    stream = streams.find(session, row.stream)
    if row.state == "declined":
        return streams.result_of(stream, "unchanged")
    _require_waiting(row)
    _decide(session, row, "declined", reason, provenance)
    rollout = _rollout_of(session, row)
    if rollout is not None:
        rollouts.take_back(session, rollout, f"declined by {provenance.actor}: {reason}", provenance)
    return streams.result_of(stream, "declined")


def why_stale(session: Session, row: ProposalRow, stream: StreamRow) -> str | None:
    """Why a proposal can no longer be approved, None when it can."""
    if stream.champion != row.champion:
        return f"version {stream.champion} serves in place of version {row.champion} by now"
    if row.rollout is not None and _rollout_of(session, row) is None:
        return "its rollout has ended"
    return None


def _rollout_of(session: Session, row: ProposalRow) -> RolloutRow | None:
    """The rollout that the proposal would end, if it is still under way."""
    rollout = rollout_rows.under_way(session, row.stream)
    return rollout if rollout is not None and rollout.id == row.rollout else None


def _require_waiting(row: ProposalRow) -> None:
    if row.state != "waiting":
        detail = f"proposal {row.number} was {row.state} by {row.decided_by}: {row.reason}"
        raise CommandRefused("conflict", "proposal_decided", detail)


def _decide(session: Session, row: ProposalRow, state: str, reason: str, provenance: Provenance) -> None:
    proposals.decide(row, state, reason, provenance)
    audit.append(session, f"proposal.{state}", row.stream, proposals.audit_detail(row, why=reason), provenance)


def _carry_out(session: Session, row: ProposalRow, stream: StreamRow, reason: str, provenance: Provenance) -> Status:
    """Do what was proposed, caused by what led to the proposal; a promotion lifts the stream's hold."""
    installation, plan = _approved(row, reason, provenance.actor), proposals.plan_of(row)
    provenance = provenance.caused_by(row.cause) if row.cause else provenance
    if plan is not None:
        rollouts.start(session, stream, plan, [row.version], installation.detail, provenance)
        return "rollout_started"
    _install(session, row, stream, installation, provenance)
    if installation.reason == "rollback":
        return "rolled_back"
    holds.lift(session, stream, f"proposal {row.number} was approved", provenance)
    return "promoted"


def _approved(row: ProposalRow, reason: str, actor: str) -> Installation:
    """What was proposed, and who approved it."""
    installation, because = proposals.installation_of(row), f": {reason}" if reason else ""
    return replace(installation, detail=f"{installation.detail}; approved by {actor}{because}")


def _install(
    session: Session, row: ProposalRow, stream: StreamRow, installation: Installation, provenance: Provenance
) -> None:
    rollout = _rollout_of(session, row)
    if rollout is not None:
        rollouts.promote(session, rollout, row.version, installation.detail, provenance)
        return
    rollouts.end_for_another_champion(session, row.stream, f"proposal {row.number} was approved", provenance)
    epochs.install(session, stream.epoch, installation, provenance)
