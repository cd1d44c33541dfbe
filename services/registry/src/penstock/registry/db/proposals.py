"""Proposals: what waits for a person, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from penstock.contracts.ids import derived_id
from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandRefused
from penstock.registry.control_records import Installation
from penstock.registry.db.tables import ProposalRow, StreamRow
from penstock.registry.proposal import Proposal, ProposalEvidence
from penstock.registry.rollout_plan import RolloutPlan

_INSTALLATION = TypeAdapter(Installation)


def add(
    session: Session, stream: StreamRow, proposal: Proposal, waits: str, provenance: Provenance
) -> ProposalRow | None:
    """Keep a proposal, made against the stream's champion; None if it was made before. `waits`: why it does."""
    version, evidence = proposal.installation.champion.version, proposal.evidence
    key = derived_id("proposal", stream.name, evidence.source, version)
    if session.scalars(select(ProposalRow).where(ProposalRow.key == key)).first() is not None:
        return None
    row = ProposalRow(
        key=key,
        stream=stream.name,
        state="waiting",
        epoch=stream.epoch,
        champion=stream.champion,
        version=version,
        installation=_INSTALLATION.dump_python(proposal.installation, mode="json"),
        plan=None if proposal.plan is None else proposal.plan.model_dump(mode="json"),
        rollout=proposal.rollout,
        evidence=evidence.model_dump(mode="json"),
        waits=waits,
        made=provenance.time,
        cause=provenance.cause,
    )
    session.add(row)
    session.flush()
    return row


def find(session: Session, number: int) -> ProposalRow:
    """The row of a proposal.

    Raises:
        CommandRefused: there is none.
    """
    row = session.get(ProposalRow, number) if 0 < number < 2**31 else None
    if row is None:
        raise CommandRefused("unknown", "unknown_proposal", f"there is no proposal {number}", "proposal")
    return row


def waiting(session: Session, stream: str) -> ProposalRow | None:
    """The proposal of the stream that waits, if one does: a newer one supersedes it."""
    rows = select(ProposalRow).where(ProposalRow.stream == stream, ProposalRow.state == "waiting")
    return session.scalars(rows).first()


def newest(session: Session, stream: str | None, limit: int) -> Sequence[ProposalRow]:
    """The newest proposals, of one stream or of all, newest first."""
    rows = select(ProposalRow).order_by(ProposalRow.number.desc()).limit(limit)
    return session.scalars(rows if stream is None else rows.where(ProposalRow.stream == stream)).all()


def decide(row: ProposalRow, state: str, reason: str, provenance: Provenance) -> None:
    """Note what became of a proposal, who decided so, when and why."""
    row.state, row.reason = state, reason
    row.decided_by, row.decided = provenance.actor, provenance.time


def installation_of(row: ProposalRow) -> Installation:
    """What is to be installed."""
    return _INSTALLATION.validate_python(row.installation)


def plan_of(row: ProposalRow) -> RolloutPlan | None:
    """The plan of the rollout to start, None where the model is to be installed at once."""
    return None if row.plan is None else RolloutPlan.model_validate(row.plan)


def evidence_of(row: ProposalRow) -> ProposalEvidence:
    """What the proposal rests on."""
    return ProposalEvidence.model_validate(row.evidence)


def audit_detail(row: ProposalRow, **more: Any) -> dict[str, Any]:
    """What the audit log says of a proposal."""
    digest = installation_of(row).champion.digest
    return {"proposal": row.number, "version": row.version, "digest": digest, "champion": row.champion, **more}
