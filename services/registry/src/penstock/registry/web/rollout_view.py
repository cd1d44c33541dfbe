"""What the registry shows of a rollout over HTTP."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from penstock.registry.db import rollouts, streams
from penstock.registry.db.tables import RolloutRow
from penstock.registry.rollout_comparison import loss_difference, tolerance
from penstock.registry.rollout_evidence import Losses
from penstock.registry.rollout_length import length_by_now


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class ArmView(_View):
    """A model in a rollout: its share, its outcomes so far in this step, and their mean loss.

    `pairs` is the number of events since the rollout began that tell of a challenger and of the champion, and
    `difference` the mean of the challenger's loss less the champion's on them.
    """

    version: int
    share: float
    outcomes: int
    mean: float
    pairs: int = 0
    difference: float = 0.0


class RolloutView(_View):
    """The newest rollout of a stream.

    `low` to `high` is a confidence sequence of the challenger's mean loss less the champion's; None before there is
    evidence enough for one, and where there are several challengers. It is of `loss`, and rests on pairs if it is
    `paired`. `tolerated` is by how much a canary's challenger may be worse, None before there are losses. `expected` is
    how many outcomes the rollout is likely to take, as far as that can be told by now. It is paused
    with its stream, too.
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
    loss: str
    paired: bool
    tolerated: float | None
    expected: int | None


def newest_rollout(session: Session, stream: str) -> RolloutView | None:
    """The stream's newest rollout, None before the first."""
    is_paused = streams.pause_of(streams.find_known(session, stream)) is not None
    row = rollouts.newest(session, stream)
    return None if row is None else _rollout_view(row, is_paused)


def _rollout_view(row: RolloutRow, is_paused: bool) -> RolloutView:
    plan, evidence = rollouts.plan_of(row), rollouts.evidence_of(row)
    low, high = _loss_interval(row)
    champion = _arm_view(row.champion, 1 - sum(row.shares), evidence.champion)
    challengers = [
        _arm_view(version, share, evidence.losses_of(version), evidence.pairs_of(version))
        for version, share in zip(row.versions, row.shares, strict=True)
    ]
    return RolloutView(
        id=row.id,
        mode=plan.mode,
        state="ended" if not row.open else "paused" if row.paused or is_paused else "running",
        step=row.step,
        steps=len(plan.steps) if plan.mode == "canary" else 1,
        detail=row.detail,
        outcomes=evidence.outcomes,
        arms=[champion, *challengers],
        low=low,
        high=high,
        loss=evidence.loss,
        paired=_is_paired(row),
        tolerated=_tolerated(row),
        expected=_expected_outcomes(row),
    )


def _loss_interval(row: RolloutRow) -> tuple[float, float] | tuple[None, None]:
    if len(row.versions) != 1:
        return None, None
    return loss_difference(rollouts.plan_of(row), row.versions[0], rollouts.evidence_of(row)).bounds


def _is_paired(row: RolloutRow) -> bool:
    return len(row.versions) == 1 and rollouts.evidence_of(row).is_paired(row.versions[0])


def _tolerated(row: RolloutRow) -> float | None:
    """None before there are losses, and where the rollout is no canary."""
    plan, evidence = rollouts.plan_of(row), rollouts.evidence_of(row)
    if plan.mode != "canary" or not evidence.loss:
        return None
    return tolerance(plan, row.versions[0], evidence)


def _expected_outcomes(row: RolloutRow) -> int | None:
    if not row.open or len(row.versions) != 1:
        return None
    length = length_by_now(rollouts.plan_of(row), row.versions[0], rollouts.evidence_of(row))
    return None if length is None else length.paired if _is_paired(row) else length.unpaired


def _arm_view(version: int, share: float, losses: Losses, pairs: Losses | None = None) -> ArmView:
    pairs = pairs or Losses()
    return ArmView(
        version=version,
        share=share,
        outcomes=losses.answers,
        mean=losses.mean,
        pairs=pairs.answers,
        difference=pairs.mean,
    )
