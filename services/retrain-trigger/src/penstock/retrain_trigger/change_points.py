"""Where the stream changed, as far as a training may begin to learn there."""

from __future__ import annotations

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.monitoring import Drift
from penstock.retrain_trigger.change_cost import change_cost
from penstock.retrain_trigger.cooldown_and_budget import backoff, was_promoted
from penstock.retrain_trigger.stream_state import StreamState
from penstock.retrain_trigger.training_work import training_price

MAX_STARTS = 3
LEAST_SETTLED = 150  # outcomes after a change that leave enough for a first model and for its test


def has_settled(policy: RetrainDeclaration, state: StreamState, drift: Drift) -> bool:
    """Whether there are enough outcomes after the drift to learn from: fewer will do where each costs much."""
    since = state.outcomes - drift.outcomes
    return since >= policy.settle or (since >= LEAST_SETTLED and is_costly(policy, state, drift))


def is_costly(policy: RetrainDeclaration, state: StreamState, drift: Drift) -> bool:
    """Whether the change has cost as much as a training on all outcomes, since the last one.

    Twice as much after each in vain: losses may have risen by what no model can learn.
    """
    price = training_price(policy, state.families, state.outcomes)
    return change_cost(state, drift) >= backoff(state, "drift") * price > 0


def starts_after_changes(policy: RetrainDeclaration, state: StreamState, until: int) -> list[int]:
    """The outcomes from which models may learn, up to `until`: the newest settled change, then earlier ones.

    Of the earlier ones each leaves at least twice as many outcomes as the one before it, and there are at most two: a
    start that differs by less finds the same model. None before the first training, which learns from everything.
    """
    starts: list[int] = []
    settled = [drift.outcomes for drift in state.changes(policy.feature_drift) if has_settled(policy, state, drift)]
    for change in reversed(settled if state.last_training else []):
        if len(starts) < MAX_STARTS and (not starts or until - change >= 2 * (until - starts[-1])):
            starts.append(change)
    return starts


def due_change(policy: RetrainDeclaration, state: StreamState) -> Drift | None:
    """The first change that no request has answered; else the last one, once there are twice as many outcomes of it.

    The latter if its model was not promoted, since one of the first few hundred outcomes is often kept back; or if
    answers go on losing more than before the change, by the price of a training.
    """
    last, unanswered = state.last_training, state.open_drift(policy.feature_drift)
    if unanswered is not None or last is None or last.since is None:
        return unanswered
    if state.outcomes - last.since < 2 * (last.until - last.since):
        return None
    change = next((drift for drift in state.changes(policy.feature_drift) if drift.outcomes == last.since), None)
    is_answered = change is None or (was_promoted(state, last) and not is_costly(policy, state, change))
    return None if is_answered else change
