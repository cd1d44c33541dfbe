"""What runs cost, what they came to, and how that spaces the next ones."""

from __future__ import annotations

from datetime import timedelta

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.decisions import Against
from penstock.contracts.records.training import Reason, TrainingRequest
from penstock.retrain_trigger.stream_history import Memory

LONGEST_BACKOFF = 8  # times the declared cooldown
DAY = timedelta(days=1)  # of event time


def gained(memory: Memory, request: TrainingRequest) -> bool:
    """Whether the run's model was promoted: on the same events it did better than the one before.

    Whether it did so significantly is not asked: a few hundred events seldom show a gain that pays over thousands.
    """
    return request.id in memory.served


def growth_factor(policy: RetrainDeclaration, memory: Memory) -> float:
    """By how much the data must have grown: the declared factor, squared after a growth that gained nothing.

    So a stream that does not change is soon left alone; a run of any reason that gains lifts it.
    """
    factor = policy.growth
    for request, _ in memory.past():
        if gained(memory, request):
            factor = policy.growth
        elif request.reason == "growth":
            factor = policy.growth**2
    return factor


def cooldown_after(policy: RetrainDeclaration, memory: Memory, reason: Reason) -> int:
    """The outcomes between two runs: doubled, up to eightfold, by each run of `reason` in a row that gained nothing."""
    factor = 1
    for request, _ in memory.past():
        if request.reason == reason:
            factor = 1 if gained(memory, request) else min(2 * factor, LONGEST_BACKOFF)
    return factor * policy.cooldown


def rest(policy: RetrainDeclaration, memory: Memory, cooldown: int) -> Against | None:
    """Why it is too early for another run, None when it is not.

    A share of what it would learn from must be new: runs on growing data are then spaced geometrically, and no
    outcome is learnt from more than `log(all) / fresh` times.
    """
    if memory.fresh < cooldown:
        return "cooling"
    return "stale" if memory.fresh < policy.fresh * memory.outcomes else None


def is_spent(policy: RetrainDeclaration, memory: Memory) -> bool:
    """Whether the training seconds of the day up to the newest outcome, in event time, are used up."""
    if policy.budget is None or memory.newest is None:
        return False
    since = memory.newest.time - DAY
    return sum(end.cpu_seconds for end in memory.ended.values() if end.time > since) >= policy.budget
