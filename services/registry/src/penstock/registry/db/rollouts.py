"""Rollouts in the database: every step is an epoch, in one transaction with the evidence that called for it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from penstock.contracts.ids import derived_id
from penstock.contracts.records.models import Challenger, ModelVersion, RolloutStep
from penstock.contracts.records.monitoring import FAILED_CHALLENGER, Alert, Statistics
from penstock.contracts.topics import ALERTS
from penstock.registry.command_results import CommandRefused, Occasion
from penstock.registry.control_records import rollout_alert
from penstock.registry.db import audit, epochs, outbox, versions
from penstock.registry.db.tables import RolloutRow, StreamRow
from penstock.registry.rollout import Evidence, Plan, Ruling, rule


def begin(
    session: Session, stream: StreamRow, plan: Plan, challengers: Sequence[int], detail: str, occasion: Occasion
) -> RolloutRow:
    """Put versions on trial beside the champion.

    Raises:
        CommandRefused: another rollout is under way, or the champion itself is to be tried.
    """
    if (running := under_way(session, stream.name)) is not None:
        raise CommandRefused("conflict", "rollout_under_way", f"{_named(running)} is under way; abort it first")
    if stream.champion in challengers:
        raise CommandRefused("conflict", "serves_already", f"version {stream.champion} is the champion", "version")
    if plan.mode != "bandit" and len(challengers) != 1:
        raise CommandRefused("invalid", "one_challenger", f"a rollout by {plan.mode} tries one version", "version")
    number = session.scalar(select(func.count()).where(RolloutRow.stream == stream.name)) or 0
    row = RolloutRow(
        id=derived_id("rollout", stream.name, number),
        stream=stream.name,
        number=number,
        open=True,
        paused=False,
        step=0,
        began=stream.epoch + 1,
        champion=stream.champion,
        versions=list(challengers),
        shares=plan.shares(len(challengers)),
        plan=plan.model_dump(mode="json"),
        evidence=Evidence().model_dump(mode="json"),
        detail=detail,
    )
    session.add(row)
    _note(session, row, "rollout.started", detail, occasion)
    _install(session, stream, row, f"{_named(row)}: {detail}", occasion)
    return row


def on_trial(session: Session) -> frozenset[str]:
    """The streams with a rollout under way."""
    return frozenset(session.scalars(select(RolloutRow.stream).where(RolloutRow.open.is_(True))))


def under_way(session: Session, stream: str) -> RolloutRow | None:
    """The stream's rollout, if one is under way."""
    return session.scalars(select(RolloutRow).where(RolloutRow.stream == stream, RolloutRow.open.is_(True))).first()


def newest(session: Session, stream: str) -> RolloutRow | None:
    """The stream's last rollout, under way or not."""
    rows = select(RolloutRow).where(RolloutRow.stream == stream).order_by(RolloutRow.number.desc()).limit(1)
    return session.scalars(rows).first()


def take_statistics(session: Session, block: Statistics, occasion: Occasion) -> None:
    """Let a block of outcomes speak for or against the stream's challengers; each block counts once.

    A rollout that is paused goes no further, but what is shown to be worse is taken back all the same.
    """
    row = under_way(session, block.stream)
    if row is None or block.clock != "provisional" or block.epoch < row.began:
        return
    evidence = Evidence.model_validate(row.evidence)
    if block.start < evidence.upto:
        return
    evidence = evidence.take(block, row.champion, frozenset(row.versions))
    row.evidence = evidence.model_dump(mode="json")
    ruling = rule(plan_of(row), row.step, tuple(row.versions), evidence, block.metric)
    if ruling.verdict == "take back" or (ruling.verdict != "go on" and not row.paused):
        _follow(session, row, ruling, evidence, occasion)


def take_alert(session: Session, alert: Alert, occasion: Occasion) -> None:
    """A challenger that the server took out is taken back."""
    row = under_way(session, alert.stream) if alert.subject == FAILED_CHALLENGER and alert.stream else None
    if row is not None and alert.version in row.versions:
        take_back(session, row, alert.message, occasion)


def promote(session: Session, row: RolloutRow, version: int, why: str, occasion: Occasion) -> None:
    """End the rollout with a new champion."""
    _end(session, row, "rollout.promoted", why, occasion)
    model, epoch = _model(session, row, version), _stream(session, row).epoch
    epochs.install(session, epoch, model, "promotion", f"{_named(row)}: {why}", occasion)


def take_back(session: Session, row: RolloutRow, why: str, occasion: Occasion) -> None:
    """End the rollout: the champion answers everything again."""
    _end(session, row, "rollout.taken-back", why, occasion)
    version = row.versions[0] if len(row.versions) == 1 else None
    outbox.add(session, ALERTS, rollout_alert(row.stream, row.id, version, why, occasion), row.stream, occasion)
    _install(session, _stream(session, row), row, f"{_named(row)}, taken back: {why}", occasion)


def overtake(session: Session, stream: str, why: str, occasion: Occasion) -> None:
    """Another model takes the stream over: a rollout under way is at its end."""
    row = under_way(session, stream)
    if row is not None:
        _end(session, row, "rollout.overtaken", why, occasion)


def pause(session: Session, row: RolloutRow, paused: bool, occasion: Occasion) -> bool:
    """Let the rollout rest, or go on; whether that changed anything."""
    if row.paused == paused:
        return False
    row.paused = paused
    _note(session, row, "rollout.paused" if paused else "rollout.resumed", "", occasion)
    return True


def plan_of(row: RolloutRow) -> Plan:
    """How the rollout goes."""
    return Plan.model_validate(row.plan)


def _follow(session: Session, row: RolloutRow, ruling: Ruling, evidence: Evidence, occasion: Occasion) -> None:
    if ruling.verdict == "promote" and ruling.version is not None:
        promote(session, row, ruling.version, ruling.why, occasion)
    elif ruling.verdict == "take back":
        take_back(session, row, ruling.why, occasion)
    elif list(ruling.shares) != row.shares and _due(row, evidence):
        _step(session, row, ruling, evidence, occasion)


def _due(row: RolloutRow, evidence: Evidence) -> bool:
    """A bandit changes its shares no more often than a canary would."""
    plan = plan_of(row)
    return plan.mode != "bandit" or evidence.outcomes >= (row.step + 1) * plan.outcomes


def _step(session: Session, row: RolloutRow, ruling: Ruling, evidence: Evidence, occasion: Occasion) -> None:
    stream = _stream(session, row)
    row.step += 1
    row.shares = list(ruling.shares)
    row.began = stream.epoch + 1
    if plan_of(row).mode == "canary":
        row.evidence = evidence.of_next_step().model_dump(mode="json")
    _note(session, row, "rollout.stepped", ruling.why, occasion)
    _install(session, stream, row, f"{_named(row)}, step {row.step + 1}: {ruling.why}", occasion)


def _install(session: Session, stream: StreamRow, row: RolloutRow, detail: str, occasion: Occasion) -> None:
    """The epoch of a step; once the rollout has ended, that of the champion alone."""
    trial = _trial(session, row) if row.open else None
    epochs.install(session, stream.epoch, _model(session, row, row.champion), "rollout", detail, occasion, trial)


def _model(session: Session, row: RolloutRow, version: int) -> ModelVersion:
    return versions.model_of(versions.found(session, row.stream, version))


def _trial(session: Session, row: RolloutRow) -> RolloutStep:
    pairs = zip(row.versions, row.shares, strict=True)
    challengers = tuple(Challenger(model=_model(session, row, version), share=share) for version, share in pairs)
    return RolloutStep(id=row.id, mode=plan_of(row).mode, step=row.step, challengers=challengers)


def _end(session: Session, row: RolloutRow, action: str, why: str, occasion: Occasion) -> None:
    row.open = False
    row.detail = why
    _note(session, row, action, why, occasion)


def _note(session: Session, row: RolloutRow, action: str, why: str, occasion: Occasion) -> None:
    said = {"rollout": row.id, "versions": row.versions, "shares": row.shares, "step": row.step, "why": why}
    audit.note(session, action, row.stream, {**said, "mode": row.plan["mode"]}, occasion)


def _stream(session: Session, row: RolloutRow) -> StreamRow:
    stream = session.get(StreamRow, row.stream, populate_existing=True)
    assert stream is not None  # it was there when the rollout began
    return stream


def _named(row: RolloutRow) -> str:
    tried = " and ".join(f"version {version}" for version in row.versions)
    return f"{row.plan['mode']} of {tried}"
