"""Rollouts as pure decisions: from what challengers have shown so far to the next step, the end, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

from pydantic import BaseModel, ConfigDict

from penstock.contracts.declaration.model_lifecycle import RolloutDeclaration
from penstock.contracts.records.models import RolloutMode
from penstock.contracts.records.monitoring import Statistics
from penstock.ml.metrics.best_arm import best_arm_probabilities
from penstock.ml.metrics.confidence_sequences import FEWEST, Moments, always_valid, always_valid_difference
from penstock.ml.metrics.intervals import Interval

LEAST_SHARE = 0.05  # of each arm of a bandit: whoever is not asked shows nothing

Verdict = Literal["go on", "step", "promote", "take back"]


class Plan(BaseModel):
    """How a rollout goes; see `RolloutDeclaration`, from which it is."""

    model_config = ConfigDict(frozen=True)

    mode: RolloutMode
    steps: tuple[float, ...]
    outcomes: int
    limit: int
    margin: float
    level: float

    @classmethod
    def of(cls, declared: RolloutDeclaration, mode: RolloutMode, steps: tuple[float, ...] = ()) -> Plan:
        """As declared, but for mode and steps."""
        said = declared.model_dump(exclude={"mode", "steps"})
        return cls(mode=mode, steps=steps or declared.steps, **said)

    def shares(self, challengers: int) -> list[float]:
        """The first shares of so many challengers."""
        match self.mode:
            case "shadow":
                return [0.0] * challengers
            case "canary":
                return [self.steps[0] / challengers] * challengers
            case "ab":
                return [self.steps[-1] / challengers] * challengers
            case "bandit":
                return [1 / (challengers + 1)] * challengers


class Losses(BaseModel):
    """The losses of one arm, or of a shadow less those of the answers given: how many, their mean, their squares."""

    model_config = ConfigDict(frozen=True)

    answers: int = 0
    mean: float = 0.0
    squares: float = 0.0

    @property
    def moments(self) -> Moments:
        """For the mathematics."""
        return Moments(self.answers, self.mean, self.squares)

    def with_more(self, more: Moments) -> Losses:
        """With the losses of a further block."""
        found = self.moments + more
        return Losses(answers=found.n, mean=found.mean, squares=found.squares)


class Evidence(BaseModel):
    """What was met since the present step began: losses by version, `0` standing for nobody; and all `outcomes` since
    the rollout began. Blocks of outcomes before `upto` are in it.
    """

    model_config = ConfigDict(frozen=True)

    champion: Losses = Losses()
    challengers: dict[int, Losses] = {}
    outcomes: int = 0
    upto: int = 0

    def take(self, block: Statistics, champion: int, challengers: frozenset[int]) -> Evidence:
        """With what a block shows of the versions on trial."""
        found, own = dict(self.challengers), self.champion
        for arm in block.arms:
            more = Moments(arm.answers, arm.mean, arm.squares)
            if arm.role == "champion" and arm.version == champion:
                own = own.with_more(more)
            elif arm.version in challengers:
                found[arm.version] = found.get(arm.version, Losses()).with_more(more)
        return Evidence(champion=own, challengers=found, outcomes=self.outcomes + block.joined, upto=block.stop)

    def of_next_step(self) -> Evidence:
        """Every step is judged by itself: with the shares the times change from which each arm's answers are."""
        return Evidence(outcomes=self.outcomes, upto=self.upto)


@dataclass(frozen=True)
class Ruling:
    """What is to be done, with whom, and why; `shares` of the challengers' when that is a step."""

    verdict: Verdict
    why: str = ""
    version: int | None = None
    shares: tuple[float, ...] = ()


NOTHING = Ruling("go on")


def rule(plan: Plan, step: int, versions: tuple[int, ...], evidence: Evidence, metric: str) -> Ruling:
    """What the evidence says of the challengers `versions` at a step, however often it is asked."""
    if plan.mode == "bandit":
        return _of_bandit(plan, versions, evidence, metric)
    (version,) = versions
    apart = difference(plan, version, evidence, metric)
    told = f"{_said(apart)} in {'error' if metric == 'mae' else 'error rate'} at {plan.level:.0%}"
    if apart.low > plan.margin:
        return Ruling("take back", f"worse than the champion by {told}", version)
    if plan.mode == "canary":
        return _of_canary(plan, step, version, evidence, told)
    if apart.high < 0:
        return Ruling("promote", f"better than the champion by {told}", version)
    return _undecided(plan, version, evidence)


def difference(plan: Plan, version: int, evidence: Evidence, metric: str) -> Interval:
    """The challenger's loss less the champion's, by an interval that may be looked at after every block."""
    shown, scale = evidence.challengers.get(version, Losses()), _scale(evidence, metric)
    if plan.mode == "shadow":
        return always_valid(shown.moments, plan.level, scale)
    return always_valid_difference(shown.moments, evidence.champion.moments, _level(plan), scale)


def _level(plan: Plan) -> float:
    """The steps of a canary share the doubt among them."""
    return 1 - (1 - plan.level) / len(plan.steps) if plan.mode == "canary" else plan.level


def _of_canary(plan: Plan, step: int, version: int, evidence: Evidence, told: str) -> Ruling:
    """A step is taken by who has answered enough, and did so no worse than the champion."""
    met = evidence.challengers.get(version, Losses())
    shown = met.answers
    if shown < plan.outcomes or met.mean - evidence.champion.mean > plan.margin:
        return _undecided(plan, version, evidence)
    if step + 1 == len(plan.steps):
        return Ruling("promote", f"{shown} outcomes at {plan.steps[step]:.0%}, {told}", version)
    return Ruling("step", f"{shown} outcomes at {plan.steps[step]:.0%}: {told}", version, (plan.steps[step + 1],))


def _of_bandit(plan: Plan, versions: tuple[int, ...], evidence: Evidence, metric: str) -> Ruling:
    arms = [evidence.champion, *(evidence.challengers.get(version, Losses()) for version in versions)]
    best = best_arm_probabilities([arm.moments for arm in arms], evidence.outcomes, _scale(evidence, metric))
    leader = max(range(len(arms)), key=best.__getitem__)
    told = f"it is the best with a chance of {best[leader]:.1%} after {arms[leader].answers} outcomes"
    tried = arms[leader].answers >= plan.outcomes and min(arm.answers for arm in arms) >= FEWEST
    sure = tried and best[leader] >= plan.level
    if leader and (sure or evidence.outcomes >= plan.limit):
        return Ruling("promote", told, versions[leader - 1])
    if sure or evidence.outcomes >= plan.limit:
        return Ruling("take back", f"the champion stays: {told}")
    return Ruling("step", told, None, _shares(best))


def _shares(best: list[float]) -> tuple[float, ...]:
    """Of the challengers, by their chances."""
    kept = [max(chance, LEAST_SHARE) for chance in best]
    return tuple(round(share / sum(kept), 4) for share in kept[1:])


def _undecided(plan: Plan, version: int, evidence: Evidence) -> Ruling:
    if evidence.outcomes < plan.limit:
        return NOTHING
    return Ruling("take back", f"still undecided after {evidence.outcomes} outcomes", version)


def _scale(evidence: Evidence, metric: str) -> float:
    """How far losses usually lie apart: 1 of errors counted, their standard deviation of a regression's."""
    if metric != "mae":
        return 1.0
    arms = [evidence.champion, *evidence.challengers.values()]
    return sqrt(sum(arm.squares for arm in arms) / max(1, sum(arm.answers for arm in arms)))


def _said(apart: Interval) -> str:
    return f"{apart.low:+.3g} to {apart.high:+.3g}"
