"""What a rollout does next, from its evidence: continue, change the shares, promote a challenger, or take it back.

The intervals are confidence sequences, so deciding after every block does not make errors more frequent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penstock.ml.metrics.best_arm_probabilities import best_arm_probabilities
from penstock.ml.metrics.confidence_sequences import MIN_CASES
from penstock.ml.metrics.intervals import Interval
from penstock.registry.rollout_comparison import loss_difference, tolerance
from penstock.registry.rollout_evidence import Evidence
from penstock.registry.rollout_plan import RolloutPlan

LEAST_SHARE = 0.05  # of each arm of a bandit: an arm without answers gives no evidence

_UNITS = {"error": "error rate", "absolute_error": "error"}  # of a loss; another is told by its name

Action = Literal["continue", "step", "promote", "take back"]


@dataclass(frozen=True)
class RolloutDecision:
    """What to do and why; `version` is the challenger meant, `shares` the challengers' new shares of a step."""

    action: Action
    reason: str = ""
    version: int | None = None
    shares: tuple[float, ...] = ()


def decide_rollout(plan: RolloutPlan, step: int, versions: tuple[int, ...], evidence: Evidence) -> RolloutDecision:
    """Decide on the challengers `versions` at step `step` (from 0) of the plan."""
    if plan.mode == "bandit":
        return _decide_bandit(plan, versions, evidence)
    (version,) = versions
    interval = loss_difference(plan, version, evidence)
    if interval.low > plan.margin:
        return RolloutDecision("take back", f"worse than the champion by {_text(plan, interval, evidence)}", version)
    if plan.mode == "canary":
        return _decide_canary(plan, step, version, evidence, interval)
    if interval.high < 0:
        return RolloutDecision("promote", f"better than the champion by {_text(plan, interval, evidence)}", version)
    return _undecided(plan, version, evidence)


def _text(plan: RolloutPlan, interval: Interval, evidence: Evidence) -> str:
    unit = _UNITS.get(evidence.loss, evidence.loss.replace("_", " "))
    return f"{interval.low:+.3g} to {interval.high:+.3g} in {unit} at {plan.level:.0%}"


def _decide_canary(
    plan: RolloutPlan, step: int, version: int, evidence: Evidence, interval: Interval
) -> RolloutDecision:
    """A canary takes the next share when it has answered enough, and that share of its loss is shown to be tolerable.

    A fifth of the stream may so be given to a model that may be five times as much worse as is tolerated of all.
    """
    share = plan.steps[step + 1] if step + 1 < len(plan.steps) else 1.0
    answers = evidence.losses_of(version).answers
    tolerated = tolerance(plan, version, evidence)
    if answers < plan.outcomes or not share * interval.high < tolerated:
        return _undecided(plan, version, evidence)
    shown = f"{_text(plan, interval, evidence)}, where {tolerated:.3g} is tolerated"
    reason = f"{answers} outcomes at {plan.steps[step]:.0%}: {shown}"
    if share == 1.0:
        return RolloutDecision("promote", reason, version)
    return RolloutDecision("step", reason, version, (share,))


def _decide_bandit(plan: RolloutPlan, versions: tuple[int, ...], evidence: Evidence) -> RolloutDecision:
    """Shares follow the probabilities of being best (Thompson sampling), until an arm is the best at the level."""
    arms = [evidence.champion, *(evidence.losses_of(version) for version in versions)]
    best = best_arm_probabilities([arm.moments for arm in arms], evidence.outcomes, evidence.loss_scale)
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
