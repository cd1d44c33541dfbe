"""Records of training runs; the candidate of a finished one is refused, kept back, proposed, on trial, or promoted."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from penstock.contracts.records.models import ModelVersion
from penstock.contracts.records.training import TrainingRun
from penstock.contracts.topics import ALERTS
from penstock.registry.command_context import Provenance
from penstock.registry.control_records import Installation, run_refused_alert
from penstock.registry.db import audit, outbox, streams, training_runs, versions
from penstock.registry.db import rollouts as rollout_rows
from penstock.registry.db.tables import StreamRow
from penstock.registry.promotion import GateVerdict, PromotionDecision, StreamState, decide_promotion
from penstock.registry.proposal import Proposal, ProposalEvidence, scores_of
from penstock.registry.signature_check import SignatureCheck
from penstock.registry.use_cases import returns, rollouts
from penstock.registry.use_cases.proposals import install_or_propose, propose_instead
from penstock.registry.use_cases.training_alerts import tell_of_skew, tell_of_training


def record_run(
    session: Session, check: SignatureCheck, run: TrainingRun, model_refusal: str | None, provenance: Provenance
) -> None:
    """Keep the record of a run, and decide on the candidate of a finished one; the same record again changes nothing.

    Of a stream that was deleted nothing comes of it.

    `model_refusal` is why the candidate cannot be trusted, None when it can. Without a candidate that is promoted the
    stream may return to a model of before.
    """
    if training_runs.has_run(session, run.id):
        return
    row = training_runs.add_run(session, run)
    if streams.is_deleted(session, run.stream):
        if run.status == "finished":
            row.decision = {"outcome": "refused", "reasons": ["the stream was deleted"]}
        return
    if run.status == "finished":
        row.decision = _judge_candidate(session, check, run, model_refusal, provenance)
    elif run.status == "failed":
        returns.consider_return(session, check, run, provenance)
    if run.status in ("finished", "failed"):
        tell_of_training(session, run, provenance)


def _judge_candidate(
    session: Session, check: SignatureCheck, run: TrainingRun, model_refusal: str | None, provenance: Provenance
) -> dict[str, Any]:
    """Decide, carry the decision out, and return it as it is kept beside the run.

    A return goes before a rollout, which then compares the candidate with the model that was returned to.
    """
    state = _stream_state(session, run)
    decision = decide_promotion(run, state, model_refusal)
    if decision.outcome == "duplicate":
        return {"outcome": "duplicate", "version": state.registered_version if state else None}
    if decision.verdict is None:
        return _refuse(session, run, decision, provenance)
    tell_of_skew(session, run, provenance)
    model = _register(session, run, decision.verdict, provenance)
    if decision.outcome != "promoted":
        returns.consider_return(session, check, run, provenance)
    came_of_it = _install(session, run, model, decision, provenance)
    return {"outcome": decision.outcome, **came_of_it, "version": model.version, "reasons": list(decision.reasons)}


def _stream_state(session: Session, run: TrainingRun) -> StreamState | None:
    row = streams.get(session, run.stream)
    if row is None:
        return None
    declaration = streams.declaration_of(row)
    return StreamState(
        gates=declaration.gates,
        rollout=declaration.rollout,
        has_objective=declaration.objective is not None,
        champion=row.champion,
        is_external=streams.has_external_champion(row),
        newest_fence=training_runs.newest_fence(session, run.stream),
        registered_version=versions.version_of_request(session, run.stream, run.request),
        rollout_under_way=rollout_rows.under_way(session, run.stream) is not None,
    )


def _refuse(session: Session, run: TrainingRun, decision: PromotionDecision, provenance: Provenance) -> dict[str, Any]:
    reasons = list(decision.reasons)
    if decision.alert:
        outbox.add(session, ALERTS, run_refused_alert(run, reasons[0]), run.stream, provenance)
    audit.append(session, "run.refused", run.stream, {"run": run.request, "reasons": reasons}, provenance)
    return {"outcome": "refused", "reasons": reasons}


def _register(session: Session, run: TrainingRun, verdict: GateVerdict, provenance: Provenance) -> ModelVersion:
    assert run.candidate is not None  # a run without a candidate or a dataset was refused
    assert run.dataset is not None
    model = ModelVersion(
        name=run.stream,
        version=versions.next_version(session, run.stream),
        family=run.candidate.family,
        digest=run.candidate.digest,
        profile=run.candidate.profile,
        envelope=run.candidate.envelope,
        run=run.request,
        schema_version=run.dataset.schema_version,
        push=run.push,
    )
    versions.register(session, model, verdict.passed, provenance)
    detail = {"run": run.request, "version": model.version, "digest": model.digest, "family": model.family}
    judgement = {"passed": verdict.passed, "reasons": list(verdict.reasons)}
    audit.append(session, "version.registered", run.stream, detail | judgement, provenance)
    return model


def _install(
    session: Session, run: TrainingRun, model: ModelVersion, decision: PromotionDecision, provenance: Provenance
) -> dict[str, Any]:
    """Start a rollout or promote, if that was decided and nobody is to be asked; what came of it, as it is kept."""
    row, detail = streams.reload(session, run.stream), f"{run.reason}: {decision.reasons[0]}"
    if decision.outcome not in ("on_trial", "promoted"):
        return {}
    installation, evidence = Installation(model, "promotion", detail), _evidence(run, decision)
    if decision.rollout is not None:
        return _start_rollout(session, row, Proposal(installation, evidence, decision.rollout), provenance)
    record = install_or_propose(session, row, installation, evidence, provenance)
    return {"outcome": "proposed"} if record is None else {"epoch": record.epoch}


def _start_rollout(session: Session, row: StreamRow, proposal: Proposal, provenance: Provenance) -> dict[str, Any]:
    assert proposal.plan is not None
    if propose_instead(session, row, proposal, provenance):
        return {"outcome": "proposed"}
    challenger, detail = proposal.installation.champion.version, proposal.installation.detail
    rollouts.start(session, row, proposal.plan, [challenger], detail, provenance)
    return {"epoch": row.epoch}


def _evidence(run: TrainingRun, decision: PromotionDecision) -> ProposalEvidence:
    assert run.evaluation is not None  # a run without one was refused
    metric, scores = scores_of(run.evaluation)
    return ProposalEvidence(source=run.id, run=run.request, reasons=decision.reasons, metric=metric, scores=scores)
