"""How earlier runs space the next ones: cooldowns that back off, what all runs may learn from, and a day's budget."""

from __future__ import annotations

from datetime import timedelta

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.decisions import WaitReason
from penstock.contracts.records.training import TrainingReason, TrainingRequest
from penstock.retrain_trigger.stream_state import StreamState
from penstock.retrain_trigger.training_work import training_work

MAX_BACKOFF = 8  # times what is declared
MOST_PASSES = 10  # over all outcomes, by all runs for growth together
DAY = timedelta(days=1)  # of event time


def was_promoted(state: StreamState, request: TrainingRequest) -> bool:
    """Whether the run's model was promoted: on the same events it did better than the one before.

    Significance is not required: a few hundred events seldom show a gain that pays over thousands.
    """
    return request.id in state.first_epochs


def backed_off_cooldown(policy: RetrainDeclaration, state: StreamState, reason: TrainingReason) -> int:
    """The outcomes between two runs: the declared ones, backed off."""
    return backoff(state, reason) * policy.cooldown


def backoff(state: StreamState, reason: TrainingReason) -> int:
    """A factor of what spaces runs: doubled, up to 8, by each run of `reason` in a row without a promotion."""
    factor = 1
    for request, _ in state.ended_runs():
        if request.reason == reason:
            factor = 1 if was_promoted(state, request) else min(2 * factor, MAX_BACKOFF)
    return factor


def cooldown_reason(policy: RetrainDeclaration, state: StreamState, cooldown: int) -> WaitReason | None:
    """Why it is too early for another run after a cooldown of so many outcomes, None when it is not.

    A share of what it would learn from must be new: runs on growing data are then spaced geometrically, and no
    outcome is learnt from more than `log(all) / fresh` times.
    """
    if state.new_outcomes < cooldown:
        return "cooling"
    return "stale" if state.new_outcomes < policy.fresh * state.outcomes else None


def is_within_work(state: StreamState, rows: int) -> bool:
    """Whether all runs for growth, with one more on so many rows, do at most the work of ten passes over all outcomes.

    A change that is trained for again and again leaves them their share.
    """
    grown = [result for request, result in state.ended_runs() if request.reason == "growth"]
    done = sum(training_work(state.families, result.rows) for result in grown)
    allowed = MOST_PASSES * training_work(state.families, state.outcomes)
    return done + training_work(state.families, rows) <= allowed


def is_budget_spent(policy: RetrainDeclaration, state: StreamState) -> bool:
    """Whether the training seconds of the day before the newest outcome, in event time, are used up."""
    if policy.budget is None or state.newest_report is None:
        return False
    since = state.newest_report.time - DAY
    return sum(result.cpu_seconds for result in state.results.values() if result.time > since) >= policy.budget
