"""A rollout from its start to its end: every step is an epoch, in one transaction with the evidence for it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.models import Challenger, RolloutStep
from penstock.contracts.records.monitoring import Statistics
from penstock.contracts.records.training import Score
from penstock.contracts.topics import ALERTS
from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandRefused
from penstock.registry.control_records import Installation, taken_back_alert
from penstock.registry.db import audit, epochs, outbox, rollouts, streams, training_runs, versions
from penstock.registry.db.tables import RolloutRow, StreamRow
from penstock.registry.proposal import Proposal, ProposalEvidence
from penstock.registry.rollout_decision import RolloutDecision, decide_rollout
from penstock.registry.rollout_evidence import EXTERNAL, Evidence
from penstock.registry.rollout_length import assumed_losses, length_before, length_text
from penstock.registry.rollout_plan import RolloutPlan
from penstock.registry.use_cases.proposals import propose_instead


def start(
    session: Session,
    stream: StreamRow,
    plan: RolloutPlan,
    challengers: Sequence[int],
    detail: str,
    provenance: Provenance,
) -> None:
    """Let challengers answer beside the champion, with the shares of the plan's first step.

    Raises:
        CommandRefused: another rollout is under way, or the champion is among the challengers.
    """
    if (other := rollouts.under_way(session, stream.name)) is not None:
        raise CommandRefused("conflict", "rollout_under_way", f"{_title(other)} is under way; abort it first")
    if stream.champion in challengers:
        raise CommandRefused("conflict", "serves_already", f"version {stream.champion} is the champion", "version")
    if plan.mode != "bandit" and len(challengers) != 1:
        raise CommandRefused("invalid", "one_challenger", f"a rollout by {plan.mode} tries one version", "version")
    gain = _holdout_gain(session, stream, challengers)
    length = length_before(plan, _champion_losses(session, stream), gain)
    detail = detail if length is None else f"{detail}; {length_text(plan, length)}"
    row = rollouts.add(session, stream, plan, challengers, detail)
    _audit(session, row, "rollout.started", detail, provenance)
    _install_step(session, stream, row, f"{_title(row)}: {detail}", provenance)


def record_statistics(session: Session, block: Statistics, provenance: Provenance) -> None:
    """Add a block of outcomes to the evidence of its stream's rollout, and decide anew; each block counts once.

    A paused rollout, or one of a paused stream, takes no step and promotes nobody, but a challenger shown to be worse
    is taken back all the same.
    """
    row = rollouts.under_way(session, block.stream)
    if row is None or block.clock != "provisional":
        return
    evidence = rollouts.evidence_of(row)
    if block.start < evidence.upto or block.epoch < evidence.since:
        return
    stream = streams.find(session, block.stream)
    champion = EXTERNAL if streams.has_external_champion(stream) else row.champion
    evidence = evidence.with_block(block, champion, frozenset(row.versions), row.step_epoch)
    rollouts.set_evidence(row, evidence)
    decision = decide_rollout(rollouts.plan_of(row), row.step, tuple(row.versions), evidence)
    if decision.action == "take back" or not (row.paused or streams.pause_of(streams.find(session, row.stream))):
        _carry_out(session, row, decision, evidence, provenance)


def promote(session: Session, row: RolloutRow, version: int, reason: str, provenance: Provenance) -> None:
    """End the rollout with a challenger as the new champion."""
    _end(session, row, "rollout.promoted", reason, provenance)
    model, epoch = versions.find_model(session, row.stream, version), streams.reload(session, row.stream).epoch
    epochs.install(session, epoch, Installation(model, "promotion", f"{_title(row)}: {reason}"), provenance)


def take_back(session: Session, row: RolloutRow, reason: str, provenance: Provenance) -> None:
    """End the rollout with the champion answering everything again, and alert people."""
    _end(session, row, "rollout.taken-back", reason, provenance)
    version = row.versions[0] if len(row.versions) == 1 else None
    alert = taken_back_alert(row.stream, row.id, version, reason, provenance)
    outbox.add(session, ALERTS, alert, row.stream, provenance)
    stream = streams.reload(session, row.stream)
    _install_step(session, stream, row, f"{_title(row)}, taken back: {reason}", provenance)


def end_for_another_champion(session: Session, stream: str, reason: str, provenance: Provenance) -> None:
    """End the rollout under way, if there is one: a model is made the champion by hand, or the stream is deleted."""
    row = rollouts.under_way(session, stream)
    if row is not None:
        _end(session, row, "rollout.overtaken", reason, provenance)


def put_back(session: Session, stream: str, step: RolloutStep, epoch: int, reason: str, provenance: Provenance) -> None:
    """Open a rollout again at a step that it was at, paused and without evidence; `epoch` has installed that step.

    It is paused so that what was put back stays until somebody lets it go on.

    Raises:
        CommandRefused: the registry no longer has the rollout.
    """
    row = rollouts.get(session, step.id)
    if row is None:
        raise CommandRefused("conflict", "no_rollout", f"{stream} no longer has the rollout of that epoch")
    row.open, row.paused = True, True
    row.step, row.step_epoch = step.step, epoch
    row.shares = [challenger.share for challenger in step.challengers]
    row.detail = reason
    rollouts.set_evidence(row, Evidence(since=epoch))
    _audit(session, row, "rollout.put-back", reason, provenance)


def set_paused(session: Session, row: RolloutRow, paused: bool, reason: str, provenance: Provenance) -> bool:
    """Pause or resume the rollout; whether that changed anything."""
    if row.paused == paused:
        return False
    row.paused = paused
    _audit(session, row, "rollout.paused" if paused else "rollout.resumed", reason, provenance)
    return True


def _champion_losses(session: Session, stream: StreamRow) -> LossMoments | None:
    """The champion's losses on the holdout that it was promoted by, else what is assumed."""
    epoch = epochs.newest(session, stream)
    known = None if epoch is None else epoch.holdout
    return known or assumed_losses(streams.declaration_of(stream).task)


def _holdout_gain(session: Session, stream: StreamRow, challengers: Sequence[int]) -> Score | None:
    """What the gates compared of a single challenger, if that was with the present champion."""
    if len(challengers) != 1:
        return None
    return training_runs.holdout_gain(
        session, versions.find_model(session, stream.name, challengers[0]), stream.champion
    )


def _carry_out(
    session: Session, row: RolloutRow, decision: RolloutDecision, evidence: Evidence, provenance: Provenance
) -> None:
    match decision.action:
        case "promote" if decision.version is not None:
            _promote_or_propose(session, row, decision.version, decision.reason, provenance)
        case "take back":
            take_back(session, row, decision.reason, provenance)
        case "step" if list(decision.shares) != row.shares and _step_is_due(row, evidence):
            _step(session, row, decision, evidence, provenance)


def _promote_or_propose(session: Session, row: RolloutRow, version: int, reason: str, provenance: Provenance) -> None:
    """End the rollout with the challenger as the champion; where that waits for a person, it goes on meanwhile."""
    model = versions.find_model(session, row.stream, version)
    installation = Installation(model, "promotion", reason)  # `promote` names the rollout
    evidence = ProposalEvidence(source=row.id, run=model.run, reasons=(reason,))
    proposal = Proposal(installation, evidence, rollout=row.id)
    if not propose_instead(session, streams.reload(session, row.stream), proposal, provenance):
        promote(session, row, version, reason, provenance)


def _step_is_due(row: RolloutRow, evidence: Evidence) -> bool:
    """A bandit changes its shares once in so many outcomes; a canary's evidence has counted them already."""
    plan = rollouts.plan_of(row)
    return plan.mode != "bandit" or evidence.outcomes >= (row.step + 1) * plan.outcomes


def _step(
    session: Session, row: RolloutRow, decision: RolloutDecision, evidence: Evidence, provenance: Provenance
) -> None:
    stream = streams.reload(session, row.stream)
    row.step += 1
    row.shares = list(decision.shares)
    if rollouts.plan_of(row).mode == "canary":
        row.step_epoch = stream.epoch + 1
        rollouts.set_evidence(row, evidence.for_next_step())
    _audit(session, row, "rollout.stepped", decision.reason, provenance)
    _install_step(session, stream, row, f"{_title(row)}, step {row.step + 1}: {decision.reason}", provenance)


def _install_step(session: Session, stream: StreamRow, row: RolloutRow, detail: str, provenance: Provenance) -> None:
    """Install the present step as an epoch; once the rollout has ended, the champion alone."""
    champion = versions.find_model(session, row.stream, row.champion)
    rollout = _rollout_step(session, row) if row.open else None
    epochs.install(session, stream.epoch, Installation(champion, "rollout", detail, rollout), provenance)


def _rollout_step(session: Session, row: RolloutRow) -> RolloutStep:
    challengers = tuple(
        Challenger(model=versions.find_model(session, row.stream, version), share=share)
        for version, share in zip(row.versions, row.shares, strict=True)
    )
    return RolloutStep(id=row.id, mode=rollouts.plan_of(row).mode, step=row.step, challengers=challengers)


def _end(session: Session, row: RolloutRow, action: str, reason: str, provenance: Provenance) -> None:
    row.open = False
    row.detail = reason
    _audit(session, row, action, reason, provenance)


def _audit(session: Session, row: RolloutRow, action: str, reason: str, provenance: Provenance) -> None:
    detail = {
        "rollout": row.id,
        "versions": row.versions,
        "shares": row.shares,
        "step": row.step,
        "why": reason,
        "mode": row.plan["mode"],
    }
    audit.append(session, action, row.stream, detail, provenance)


def _title(row: RolloutRow) -> str:
    challengers = " and ".join(f"version {version}" for version in row.versions)
    return f"{row.plan['mode']} of {challengers}"
