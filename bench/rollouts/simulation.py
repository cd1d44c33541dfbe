"""Rollouts by the registry's own decisions, on generated losses of models that both answer every event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from bench.rollouts.paired_losses import Floats, PairedLosses
from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.monitoring import CohortLosses, Statistics
from penstock.registry.rollout_decision import decide_rollout
from penstock.registry.rollout_evidence import Evidence
from penstock.registry.rollout_plan import RolloutPlan

BLOCK = 100  # outcomes
CHAMPION, CHALLENGER = 1, 2


def promoted_share(losses: PairedLosses, runs: int) -> float:
    """The share of rollouts that end with the challenger promoted."""
    ends = Counter(end_of_rollout(losses, np.random.default_rng(seed)) for seed in range(runs))
    return ends["promote"] / runs


def end_of_rollout(losses: PairedLosses, random: np.random.Generator) -> str:
    """`promote` or `take back`."""
    return decided_end(losses.plan, lambda _, share: _cohorts(losses, share, random))


def decided_end(plan: RolloutPlan, cohorts_of: Callable[[int, float], Sequence[CohortLosses]]) -> str:
    """How the registry ends a rollout; `cohorts_of` gives a block's losses by its number and the challenger's share."""
    evidence, step, share = Evidence(), 0, plan.initial_shares(1)[0]
    for number in range(plan.limit // BLOCK):
        cohorts = tuple(cohorts_of(number, share))
        statistics = Statistics.model_construct(
            start=number * BLOCK, stop=(number + 1) * BLOCK, joined=BLOCK, cohorts=cohorts
        )
        evidence = evidence.with_block(statistics, CHAMPION, frozenset({CHALLENGER}), 0)
        decision = decide_rollout(plan, step, (CHALLENGER,), evidence)
        if decision.action in ("promote", "take back"):
            return decision.action
        if decision.action == "step":
            step, share, evidence = step + 1, decision.shares[0], evidence.for_next_step()
    raise AssertionError("a rollout ends at its limit")


def _cohorts(losses: PairedLosses, share: float, random: np.random.Generator) -> tuple[CohortLosses, ...]:
    """A block of events, of which the challenger answers about a share, and each model is asked beside the other."""
    champion, challenger = losses.draw(BLOCK, random)
    by_challenger = random.random(BLOCK) < share
    arms = (
        (CHAMPION, "champion", None, champion[~by_challenger]),
        (CHALLENGER, "challenger", None, challenger[by_challenger]),
        (CHALLENGER, "shadow", CHAMPION, (challenger - champion)[~by_challenger]),
        (CHAMPION, "shadow", CHALLENGER, (champion - challenger)[by_challenger]),
    )
    return tuple(_cohort(losses.loss, *arm) for arm in arms if len(arm[-1]))


def _cohort(loss: str, version: int, role: str, against: int | None, values: Floats) -> CohortLosses:
    squares = float(((values - values.mean()) ** 2).sum())
    moments = LossMoments(loss=loss, rows=len(values), mean=float(values.mean()), squares=squares)
    return CohortLosses.model_construct(epoch=1, version=version, role=role, against=against, losses=moments)
