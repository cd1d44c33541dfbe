"""The automatic return from a champion that falls short to a model that is shown to be better."""

from __future__ import annotations

from sqlalchemy.orm import Session

from penstock.contracts.records.training import ReturnEvidence, TrainingRun
from penstock.contracts.topics import ALERTS
from penstock.registry.command_context import Provenance
from penstock.registry.control_records import Installation, returned_alert
from penstock.registry.db import audit, epochs, outbox, streams, versions
from penstock.registry.proposal import ProposalEvidence
from penstock.registry.return_decision import decide_return
from penstock.registry.signature_check import SignatureCheck
from penstock.registry.use_cases import rollouts
from penstock.registry.use_cases.proposals import install_or_propose


def consider_return(session: Session, check: SignatureCheck, run: TrainingRun, provenance: Provenance) -> None:
    """Return to a better model, if the run answers a request about a shortfall and shows that there is one."""
    if run.shortfall is None:
        return
    evidence = [each for each in run.returns if _may_serve(session, check, run.stream, each.version)]
    best = decide_return(epochs.all_of(session, run.stream), run.shortfall, evidence)
    if best is not None:
        _return(session, run, best, provenance)


def _may_serve(session: Session, check: SignatureCheck, stream: str, version: int) -> bool:
    row = versions.get(session, stream, version)
    return row is not None and not row.archived and check.refusal_of_model(versions.model_of(row)) is None


def _return(session: Session, run: TrainingRun, evidence: ReturnEvidence, provenance: Provenance) -> None:
    row = streams.find(session, run.stream)
    champion, reason = row.champion, _reason(row.champion, evidence)
    model = versions.find_model(session, run.stream, evidence.version)
    proposal = ProposalEvidence(source=run.id, reasons=(reason,))
    if install_or_propose(session, row, Installation(model, "rollback", reason), proposal, provenance) is None:
        return
    rollouts.end_for_another_champion(session, run.stream, reason, provenance)
    detail = {"run": run.request, "version": evidence.version, "from": champion, "why": reason}
    figures = evidence.model_dump(mode="json", include={"rows", "gain", "low"})
    audit.append(session, "champion.returned", run.stream, detail | figures, provenance)
    outbox.add(session, ALERTS, returned_alert(run, champion, reason), run.stream, provenance)


def _reason(champion: int, evidence: ReturnEvidence) -> str:
    return (
        f"version {champion} loses more than its holdout showed; on {evidence.rows} of the outcomes that it answered "
        f"version {evidence.version} loses {evidence.gain:.3g} less an answer, at least {evidence.low:.3g}"
    )
