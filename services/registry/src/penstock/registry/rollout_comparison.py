"""How much worse a challenger is than the champion: bounds that hold whenever one looks, and what is tolerated."""

from __future__ import annotations

from math import sqrt

from penstock.ml.metrics.confidence_sequences import Moments, always_valid, always_valid_difference
from penstock.ml.metrics.intervals import Interval
from penstock.registry.rollout_evidence import Evidence
from penstock.registry.rollout_plan import RolloutPlan

TUNED_OUTCOMES = 2000  # at which the bounds are tightest: to show that a model is no worse takes thousands

FOUR_IN_FIVE = 0.84  # standard errors above which a mean lies in one of five cases

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


def tolerance(plan: RolloutPlan, version: int, evidence: Evidence) -> float:
    """By how much a canary's challenger may be worse, by the evidence so far.

    Pairs that are missing by now are missing at the limit; the others are still expected.
    """
    fixed = fixed_tolerance(plan, evidence.loss, evidence.champion.mean)
    if not evidence.is_paired(version):
        return fixed
    pairs = evidence.pairs_of(version)
    by_the_limit = pairs.answers + max(0, plan.limit - evidence.outcomes)
    return paired_tolerance(plan, fixed, pairs.squares / pairs.answers, by_the_limit)


def fixed_tolerance(plan: RolloutPlan, loss: str, champion_mean: float) -> float:
    """The declared margin, if that is 0 a hundredth.

    >>> plan = RolloutPlan(mode="canary", steps=(0.5,), outcomes=200, limit=1000, margin=0.0, level=0.95)
    >>> fixed_tolerance(plan, "error", 0.2), fixed_tolerance(plan, "absolute_error", 40.0)
    (0.01, 0.4)
    """
    if plan.margin:
        return plan.margin
    return TOLERATED_ERROR_RATE if loss == "error" else TOLERATED_SHARE * abs(champion_mean)


def paired_tolerance(plan: RolloutPlan, fixed: float, variance: float, pairs: int) -> float:
    """The `fixed` tolerance; by an objective without a margin, at least what so many pairs can show of an equal model.

    A smaller one would end most canaries of equal models undecided, however they are judged.
    """
    if plan.margin or not plan.has_objective:
        return fixed
    return max(fixed, bound_of_equals(plan, variance, pairs))


def bound_of_equals(plan: RolloutPlan, variance: float, pairs: int) -> float:
    """What the upper bound of an equal challenger's difference stays below in four of five cases, after so many pairs.

    `variance` is that of the differences. By the limit the bound has passed below in more cases: one may look before.
    """
    moments = Moments(pairs, 0.0, pairs * variance)
    interval = always_valid(moments, two_sided(plan.level), sqrt(variance), TUNED_OUTCOMES)
    return interval.high + FOUR_IN_FIVE * sqrt(variance / pairs)


def step_level(plan: RolloutPlan) -> float:
    """The level at which each step is judged by itself."""
    return 1 - (1 - plan.level) / len(plan.steps) if plan.mode == "canary" else plan.level


def two_sided(level: float) -> float:
    """The level of an interval each of whose bounds holds at `level`."""
    return 2 * level - 1
