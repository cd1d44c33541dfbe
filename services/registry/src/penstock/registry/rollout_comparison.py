"""How much worse a challenger is than the champion: bounds that hold whenever one looks, and what is tolerated."""

from __future__ import annotations

from penstock.ml.metrics.confidence_sequences import always_valid, always_valid_difference
from penstock.ml.metrics.intervals import Interval
from penstock.registry.rollout_evidence import Evidence
from penstock.registry.rollout_plan import RolloutPlan

TUNED_OUTCOMES = 2000  # at which the bounds are tightest: to show that a model is no worse takes thousands

TOLERATED_ERROR_RATE = 0.01  # of classes, where no margin is declared
TOLERATED_SHARE = 0.01  # of the champion's mean loss, where no margin is declared and the loss is another


def loss_difference(plan: RolloutPlan, version: int, evidence: Evidence) -> Interval:
    """The challenger's mean loss less the champion's: each of the bounds holds at the plan's level.

    By the differences on the same events if these are the most, else by what each lost on the events that it answered.
    The steps of a canary share the error level of the latter (Bonferroni); the former go on through all steps.
    """
    scale = evidence.loss_scale
    if plan.mode == "shadow" or evidence.is_paired(version):
        return always_valid(evidence.pairs_of(version).moments, two_sided(plan.level), scale, TUNED_OUTCOMES)
    challenger, champion = evidence.losses_of(version).moments, evidence.champion.moments
    return always_valid_difference(challenger, champion, two_sided(step_level(plan)), scale, TUNED_OUTCOMES)


def tolerance(plan: RolloutPlan, loss: str, champion_mean: float) -> float:
    """By how much a canary's challenger may be worse: the declared margin, if that is 0 a hundredth.

    >>> plan = RolloutPlan(mode="canary", steps=(0.5,), outcomes=200, limit=1000, margin=0.0, level=0.95)
    >>> tolerance(plan, "error", 0.2), tolerance(plan, "absolute_error", 40.0)
    (0.01, 0.4)
    """
    if plan.margin:
        return plan.margin
    return TOLERATED_ERROR_RATE if loss == "error" else TOLERATED_SHARE * abs(champion_mean)


def step_level(plan: RolloutPlan) -> float:
    """The level at which each step is judged by itself."""
    return 1 - (1 - plan.level) / len(plan.steps) if plan.mode == "canary" else plan.level


def two_sided(level: float) -> float:
    """The level of an interval each of whose bounds holds at `level`."""
    return 2 * level - 1
