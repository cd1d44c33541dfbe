"""Rollouts: their plan, present step and evidence."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from penstock.contracts.ids import derived_id
from penstock.registry.db.tables import RolloutRow, StreamRow
from penstock.registry.rollout_evidence import Evidence
from penstock.registry.rollout_plan import RolloutPlan


def add(session: Session, stream: StreamRow, plan: RolloutPlan, challengers: Sequence[int], detail: str) -> RolloutRow:
    """Add a rollout at its first step, which is the stream's next epoch."""
    number = session.scalar(select(func.count()).where(RolloutRow.stream == stream.name)) or 0
    row = RolloutRow(
        id=derived_id("rollout", stream.name, number),
        stream=stream.name,
        number=number,
        open=True,
        paused=False,
        step=0,
        step_epoch=stream.epoch + 1,
        champion=stream.champion,
        versions=list(challengers),
        shares=plan.initial_shares(len(challengers)),
        plan=plan.model_dump(mode="json"),
        evidence=Evidence(since=stream.epoch + 1).model_dump(mode="json"),
        detail=detail,
    )
    session.add(row)
    return row


def under_way(session: Session, stream: str) -> RolloutRow | None:
    """The stream's rollout, if one is under way."""
    return session.scalars(select(RolloutRow).where(RolloutRow.stream == stream, RolloutRow.open.is_(True))).first()


def streams_under_way(session: Session) -> frozenset[str]:
    """The streams with a rollout under way."""
    return frozenset(session.scalars(select(RolloutRow.stream).where(RolloutRow.open.is_(True))))


def newest(session: Session, stream: str) -> RolloutRow | None:
    """The stream's rollout that is under way, else the last one."""
    newest_first = (RolloutRow.open.desc(), RolloutRow.number.desc())
    rows = select(RolloutRow).where(RolloutRow.stream == stream).order_by(*newest_first).limit(1)
    return session.scalars(rows).first()


def get(session: Session, rollout: str) -> RolloutRow | None:
    """The rollout of this id, None if there is none."""
    return session.get(RolloutRow, rollout)


def plan_of(row: RolloutRow) -> RolloutPlan:
    """The plan of the rollout."""
    return RolloutPlan.model_validate(row.plan)


def evidence_of(row: RolloutRow) -> Evidence:
    """The evidence so far."""
    return Evidence.model_validate(row.evidence)


def set_evidence(row: RolloutRow, evidence: Evidence) -> None:
    """Replace the evidence."""
    row.evidence = evidence.model_dump(mode="json")
