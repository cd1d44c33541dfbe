"""What a rollout does next, from its evidence: continue, change the shares, promote a challenger, or take it back.

The intervals are confidence sequences, so deciding after every block does not make errors more frequent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penstock.ml.metrics.best_arm_probabilities import best_arm_probabilities
from penstock.ml.metrics.confidence_sequences import MIN_CASES, always_valid, always_valid_difference
from penstock.ml.metrics.intervals import Interval
from penstock.registry.rollout_evidence import Evidence
from penstock.registry.rollout_plan import RolloutPlan

LEAST_SHARE = 0.05  # of each arm of a bandit: an arm without answers gives no evidence

Action = Literal["continue", "step", "promote", "take back"]


@dataclass(frozen=True)
class RolloutDecision:
    """What to do and why; `version` is the challenger meant, `shares` the challengers' new shares of a step."""

    action: Action
    reason: str = ""
    version: int | None = None
    shares: tuple[float, ...] = ()


def decide_rollout(
    plan: RolloutPlan, step: int, versions: tuple[int, ...], evidence: Evidence, metric: str
) -> RolloutDecision:
    """Decide on the challengers `versions` at step `step` (from 0) of the plan; `metric` is the stream's."""
    if plan.mode == "bandit":
        return _decide_bandit(plan, versions, evidence, metric)
    (version,) = versions
    interval = loss_difference(plan, version, evidence, metric)
    error = "error" if metric == "mae" else "error rate"
    difference = f"{interval.low:+.3g} to {interval.high:+.3g} in {error} at {plan.level:.0%}"
    if interval.low > plan.margin:
        return RolloutDecision("take back", f"worse than the champion by {difference}", version)
    if plan.mode == "canary":
        return _decide_canary(plan, step, version, evidence, difference)
    if interval.high < 0:
        return RolloutDecision("promote", f"better than the champion by {difference}", version)
    return _undecided(plan, version, evidence)


def loss_difference(plan: RolloutPlan, version: int, evidence: Evidence, metric: str) -> Interval:
    """The challenger's mean loss less the champion's, as a confidence sequence."""
    challenger, scale = evidence.losses_of(version).moments, evidence.loss_scale(metric)
    if plan.mode == "shadow":
        return always_valid(challenger, plan.level, scale)
    return always_valid_difference(challenger, evidence.champion.moments, _level_of_step(plan), scale)


def _level_of_step(plan: RolloutPlan) -> float:
    """The steps of a canary share the error probability (Bonferroni)."""
    return 1 - (1 - plan.level) / len(plan.steps) if plan.mode == "canary" else plan.level


def _decide_canary(plan: RolloutPlan, step: int, version: int, evidence: Evidence, difference: str) -> RolloutDecision:
    """A canary steps up when it has answered enough, and no worse than the champion on average."""
    losses = evidence.losses_of(version)
    if losses.answers < plan.outcomes or losses.mean - evidence.champion.mean > plan.margin:
        return _undecided(plan, version, evidence)
    at_share = f"{losses.answers} outcomes at {plan.steps[step]:.0%}"
    if step + 1 == len(plan.steps):
        return RolloutDecision("promote", f"{at_share}, {difference}", version)
    return RolloutDecision("step", f"{at_share}: {difference}", version, (plan.steps[step + 1],))


def _decide_bandit(plan: RolloutPlan, versions: tuple[int, ...], evidence: Evidence, metric: str) -> RolloutDecision:
    """Shares follow the probabilities of being best (Thompson sampling), until an arm is the best at the level."""
    arms = [evidence.champion, *(evidence.losses_of(version) for version in versions)]
    best = best_arm_probabilities([arm.moments for arm in arms], evidence.outcomes, evidence.loss_scale(metric))
    leader = max(range(len(arms)), key=best.__getitem__)
    reason = f"it is the best with a chance of {best[leader]:.1%} after {arms[leader].answers} outcomes"
    enough = arms[leader].answers >= plan.outcomes and min(arm.answers for arm in arms) >= MIN_CASES
    ended = (enough and best[leader] >= plan.level) or evidence.outcomes >= plan.limit
    if not ended:
        return RolloutDecision("step", reason, None, _bandit_shares(best))
    if leader:
        return RolloutDecision("promote", reason, versions[leader - 1])
    return RolloutDecision("take back", f"the champion stays: {reason}")


def _bandit_shares(best: list[float]) -> tuple[float, ...]:
    """The challengers' shares, proportional to their probabilities of being best."""
    weights = [max(probability, LEAST_SHARE) for probability in best]
    return tuple(round(weight / sum(weights), 4) for weight in weights[1:])


def _undecided(plan: RolloutPlan, version: int, evidence: Evidence) -> RolloutDecision:
    if evidence.outcomes < plan.limit:
        return RolloutDecision("continue")
    return RolloutDecision("take back", f"still undecided after {evidence.outcomes} outcomes", version)
