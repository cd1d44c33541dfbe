"""Proposals: every installation that nobody commanded passes here, and waits where only a person may decide."""

from __future__ import annotations

from sqlalchemy.orm import Session

from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.topics import ALERTS
from penstock.registry.command_context import Provenance
from penstock.registry.control_records import Installation, proposal_alert
from penstock.registry.db import audit, epochs, outbox, proposals, streams
from penstock.registry.db.tables import ProposalRow, StreamRow
from penstock.registry.proposal import Proposal, ProposalEvidence, why_it_waits


def install_or_propose(
    session: Session, stream: StreamRow, installation: Installation, evidence: ProposalEvidence, provenance: Provenance
) -> ModelEpoch | None:
    """Install at the stream's next epoch; None where it waits as a proposal instead."""
    if propose_instead(session, stream, Proposal(installation, evidence), provenance):
        return None
    return epochs.install(session, stream.epoch, installation, provenance)


def propose_instead(session: Session, stream: StreamRow, proposal: Proposal, provenance: Provenance) -> bool:
    """Whether it must wait for a person, as a proposal, which is kept once, audited and told of then."""
    declared, hold = streams.declared_of(stream), streams.hold_of(stream)
    declaration, is_return = declared.declaration, proposal.installation.reason == "rollback"
    answers = proposal.plan is None or proposal.plan.mode != "shadow"
    replaces_external = declaration.serving.external and answers
    pause = None if is_return else declared.pause  # a pause does not keep a model that falls short
    waits = why_it_waits(declaration.promotion, hold, pause, replaces_external=replaces_external)
    if waits is None:
        return False
    older = proposals.waiting(session, stream.name)
    row = proposals.add(session, stream, proposal, waits, provenance)
    if row is not None:
        if older is not None:
            _supersede(session, older, row, provenance)
        _announce(session, row, provenance)
    return True


def _supersede(session: Session, older: ProposalRow, newer: ProposalRow, provenance: Provenance) -> None:
    reason = f"proposal {newer.number} is newer"
    proposals.decide(older, "superseded", reason, provenance)
    audit.append(session, "proposal.superseded", older.stream, proposals.audit_detail(older, why=reason), provenance)


def _announce(session: Session, row: ProposalRow, provenance: Provenance) -> None:
    reasons = list(proposals.evidence_of(row).reasons)
    detail = proposals.audit_detail(row, epoch=row.epoch, reasons=reasons, waits=row.waits)
    audit.append(session, "proposal.made", row.stream, detail, provenance)
    text = f"version {row.version} in place of version {row.champion} ({'; '.join(reasons)}), {row.waits}"
    alert = proposal_alert(row.stream, row.number, row.version, text, provenance)
    outbox.add(session, ALERTS, alert, row.stream, provenance)
