"""What the registry shows of a rollout over HTTP."""

from __future__ import annotations

from math import isfinite
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from penstock.ml.metrics import primary_metric
from penstock.registry.db import rollouts, streams
from penstock.registry.db.tables import RolloutRow
from penstock.registry.rollout_decision import loss_difference
from penstock.registry.rollout_evidence import Losses


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class ArmView(_View):
    """A model in a rollout: its share, its outcomes so far in this step, and their mean loss.

    A shadow's `mean` is of its losses less the champion's on the same events.
    """

    version: int
    share: float
    outcomes: int
    mean: float


class RolloutView(_View):
    """The newest rollout of a stream.

    `low` to `high` is a confidence sequence of the challenger's mean loss less the champion's; None before there is
    evidence enough for one, and where there are several challengers.
    """

    id: str
    mode: str
    state: Literal["running", "paused", "ended"]
    step: int
    steps: int
    detail: str
    outcomes: int
    arms: list[ArmView]
    low: float | None
    high: float | None


def newest_rollout(session: Session, stream: str) -> RolloutView | None:
    """The stream's newest rollout, None before the first."""
    declaration = streams.declaration_of(streams.find(session, stream))
    row = rollouts.newest(session, stream)
    return None if row is None else _rollout_view(row, primary_metric(declaration.task))


def _rollout_view(row: RolloutRow, metric: str) -> RolloutView:
    plan, evidence = rollouts.plan_of(row), rollouts.evidence_of(row)
    low, high = _loss_interval(row, metric)
    champion = _arm_view(row.champion, 1 - sum(row.shares), evidence.champion)
    challengers = [
        _arm_view(version, share, evidence.losses_of(version))
        for version, share in zip(row.versions, row.shares, strict=True)
    ]
    return RolloutView(
        id=row.id,
        mode=plan.mode,
        state="ended" if not row.open else "paused" if row.paused else "running",
        step=row.step,
        steps=len(plan.steps) if plan.mode == "canary" else 1,
        detail=row.detail,
        outcomes=evidence.outcomes,
        arms=[champion, *challengers],
        low=low,
        high=high,
    )


def _loss_interval(row: RolloutRow, metric: str) -> tuple[float, float] | tuple[None, None]:
    if len(row.versions) != 1:
        return None, None
    interval = loss_difference(rollouts.plan_of(row), row.versions[0], rollouts.evidence_of(row), metric)
    if not (isfinite(interval.low) and isfinite(interval.high)):
        return None, None
    return interval.low, interval.high


def _arm_view(version: int, share: float, losses: Losses) -> ArmView:
    return ArmView(version=version, share=share, outcomes=losses.answers, mean=losses.mean)
