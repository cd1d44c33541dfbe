"""How many outcomes a rollout will take, said before it starts and while it lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil, sqrt

from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.training import Score
from penstock.ml.metrics.confidence_sequences import MIN_CASES, Moments, always_valid_difference
from penstock.registry.rollout_comparison import (
    FOUR_IN_FIVE,
    TUNED_OUTCOMES,
    bound_of_equals,
    fixed_tolerance,
    paired_tolerance,
    step_level,
    two_sided,
)
from penstock.registry.rollout_evidence import Evidence
from penstock.registry.rollout_plan import RolloutPlan

ALIKE = 0.7  # the correlation of two models' losses on the same events, before it is known
DEVIATE = 1.96  # standard errors to either side of a mean in its 95 % interval
MOST = 10**9  # outcomes that are counted


@dataclass(frozen=True)
class RolloutLength:
    """Outcomes that a rollout takes in four of five cases, by both models' losses on the same events, or on their own.

    Of a canary: until a challenger as good as the champion is promoted. Else: until a difference of `difference` is
    shown.
    """

    paired: int
    unpaired: int
    difference: float


def assumed_losses(task: str) -> LossMoments | None:
    """The losses of a champion of which none are known: a fifth of classes wrong; of numbers nothing can be said."""
    return None if task == "regression" else LossMoments(loss="error", rows=1000, mean=0.2, squares=160.0)


def length_before(plan: RolloutPlan, champion: LossMoments | None, gain: Score | None) -> RolloutLength | None:
    """The length that is expected from the champion's losses on a holdout; None without them, and for a bandit.

    `gain` is the challenger's over the champion on the same rows: it shows how alike they are.
    """
    if champion is None:
        return None
    variance = champion.squares / max(1, champion.rows)
    of_pairs = _variance_of(gain) or 2 * (1 - ALIKE) * variance
    fixed = fixed_tolerance(plan, champion.loss, champion.mean)
    return _length(plan, fixed, of_pairs, variance)


def length_by_now(plan: RolloutPlan, version: int, evidence: Evidence) -> RolloutLength | None:
    """The length that is expected from the losses so far; None before there are some, and for a bandit."""
    champion, pairs = evidence.champion, evidence.pairs_of(version)
    if champion.answers < MIN_CASES:
        return None
    variance = champion.squares / champion.answers
    of_pairs = pairs.squares / pairs.answers if pairs.answers >= MIN_CASES else 2 * (1 - ALIKE) * variance
    return _length(plan, fixed_tolerance(plan, evidence.loss, champion.mean), of_pairs, variance)


def length_text(plan: RolloutPlan, length: RolloutLength) -> str:
    """What a rollout will take, in words, and that it will end undecided where that is more than the plan allows.

    >>> plan = RolloutPlan(mode="ab", steps=(0.5,), outcomes=200, limit=20000, margin=0.0, level=0.95)
    >>> length_text(plan, RolloutLength(14000, 212000, 0.01))
    'a difference of 0.01 takes some 14,000 outcomes to show, 210,000 where only one model is asked'
    """
    if plan.mode == "canary":
        what = f"a challenger as good as the champion is promoted, within {length.difference:.3g}, after some"
        outcomes = f"{what} {_about(length.paired)} outcomes"
    else:
        outcomes = f"a difference of {length.difference:.3g} takes some {_about(length.paired)} outcomes to show"
    alone = "" if plan.mode == "shadow" else f", {_about(length.unpaired)} where only one model is asked"
    beyond = f"; the limit is {plan.limit:,}" if length.paired > plan.limit else ""
    return f"{outcomes}{alone}{beyond}"


def _about(outcomes: int) -> str:
    """A number to two digits."""
    return f"{round(outcomes, 2 - len(str(outcomes))):,}"


def _variance_of(gain: Score | None) -> float:
    """The variance of the differences whose mean has this interval; 0 if it is not known."""
    if gain is None or gain.low is None or gain.high is None:
        return 0.0
    return gain.rows * ((gain.high - gain.low) / (2 * DEVIATE)) ** 2


def _length(plan: RolloutPlan, fixed: float, of_pairs: float, of_arm: float) -> RolloutLength | None:
    difference = paired_tolerance(plan, fixed, of_pairs, plan.limit) if plan.mode == "canary" else fixed
    if plan.mode == "bandit" or not difference > 0:
        return None
    paired, unpaired = 0, 0
    for share, of_all in _steps(plan):
        answers = ceil(plan.outcomes / share) if plan.mode == "canary" else 0
        paired = max(paired + answers, _outcomes(difference / of_all, partial(bound_of_equals, plan, of_pairs)))
        unpaired += max(answers, _outcomes(fixed / of_all, partial(_unpaired_bound, plan, of_arm, share)))
    return RolloutLength(paired, paired if plan.mode == "shadow" else min(unpaired, MOST), difference)


def _steps(plan: RolloutPlan) -> list[tuple[float, float]]:
    """The share of each step, and that of all events for which the difference must be excluded in it."""
    if plan.mode != "canary":
        return [(plan.steps[-1], 1.0)]
    return list(zip(plan.steps, (*plan.steps[1:], 1.0), strict=True))


def _unpaired_bound(plan: RolloutPlan, variance: float, share: float, n: int) -> float:
    few, many = max(1, int(n * share)), max(1, int(n * (1 - share)))
    challenger, champion = (Moments(m, 0.0, m * variance) for m in (few, many))
    interval = always_valid_difference(
        challenger, champion, two_sided(step_level(plan)), sqrt(variance), TUNED_OUTCOMES
    )
    return interval.high + FOUR_IN_FIVE * sqrt(variance / few + variance / many)


def _outcomes(bound: float, bound_after: Callable[[int], float]) -> int:
    """The fewest outcomes after which the bound is reached; `MOST` if more."""
    low, high = 1, MOST
    if bound_after(high) > bound:
        return MOST
    while high > low + 1:
        middle = int(sqrt(low * high)) + 1
        low, high = (low, middle) if bound_after(middle) <= bound else (middle, high)
    return high
