"""The declared triggers: whether each fires, and what blocks one that does. Used once something was trained."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from statistics import fmean

from penstock.contracts.declaration.declaration_change import training_inputs
from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration, Trigger
from penstock.contracts.records.decisions import TriggerStatus, WaitReason
from penstock.contracts.records.monitoring import Drift
from penstock.contracts.records.streams import StreamDeclared
from penstock.retrain_trigger.age_cost import age_cost
from penstock.retrain_trigger.change_points import due_change, has_settled, is_costly
from penstock.retrain_trigger.cooldown_and_budget import backed_off_cooldown, cooldown_reason, is_within_work
from penstock.retrain_trigger.outcome_block import OutcomeBlock
from penstock.retrain_trigger.stream_state import StreamState
from penstock.retrain_trigger.training_work import training_price

MIN_NEW = 100  # outcomes between two trainings for the champion's age


def evaluate_triggers(
    policy: RetrainDeclaration, state: StreamState, fired: datetime | None
) -> tuple[TriggerStatus, ...]:
    """The status of each declared trigger, the most important first.

    `fired` is when the cron schedule fired, None when it did not.
    """
    return tuple(
        _schedule(policy, state, fired) if trigger == "schedule" else _TRIGGERS[trigger](policy, state)
        for trigger in policy.triggers
    )


def _drift(policy: RetrainDeclaration, state: StreamState) -> TriggerStatus:
    drift = due_change(policy, state)
    if drift is None:
        return TriggerStatus(trigger="drift", fires=False)
    blocked_by = _drift_wait(policy, state, drift)
    return TriggerStatus(trigger="drift", fires=True, blocked_by=blocked_by, detail=_drift_text(drift))


def _drift_wait(policy: RetrainDeclaration, state: StreamState, drift: Drift) -> WaitReason | None:
    """A change that has cost what a training costs waits for no cooldown."""
    if not has_settled(policy, state, drift):
        return "settling"
    cooldown = cooldown_reason(policy, state, backed_off_cooldown(policy, state, "drift"))
    return None if cooldown is None or is_costly(policy, state, drift) else cooldown


def _drift_text(drift: Drift) -> str:
    field = f" of {drift.field}" if drift.field else ""
    return f"{drift.kind} drift{field} by {drift.detector} at outcome {drift.outcomes}"


def _growth(policy: RetrainDeclaration, state: StreamState) -> TriggerStatus:
    """The data have grown, or what the champion's age has cost has grown to the price of a training."""
    by_age = _age(policy, state)
    return by_age if by_age.calls_for_training else _grown_data(policy, state)


def _grown_data(policy: RetrainDeclaration, state: StreamState) -> TriggerStatus:
    """The factor spaces runs on all outcomes; one after a run on a change's outcomes needs the cooldown too."""
    learnt, available = state.trained_until - state.trained_from, state.outcomes - state.trained_from
    return TriggerStatus(
        trigger="growth",
        fires=available >= policy.growth * learnt,
        blocked_by=cooldown_reason(policy, state, policy.cooldown) if state.trained_from else None,
        detail=f"{available} outcomes to learn from, {learnt} at the last training",
    )


def _age(policy: RetrainDeclaration, state: StreamState) -> TriggerStatus:
    estimate, champion = age_cost(state), state.aging_since
    if estimate is None or champion is None:
        return TriggerStatus(trigger="growth", fires=False)
    rows = state.outcomes - state.trained_from
    accrued = estimate.accrued(max(state.trained_until - champion, 0), state.outcomes - champion)
    price = training_price(policy, state.families, rows)
    return TriggerStatus(
        trigger="growth",
        fires=0 < accrued >= price and state.new_outcomes >= MIN_NEW,
        blocked_by=None if is_within_work(state, rows) else "stale",
        detail=f"the champion's age of {state.outcomes - champion} outcomes has cost {accrued:.3g} mean losses since "
        f"the last training, {estimate.rate:.2g} an outcome of age, and a training costs {price:.3g}",
    )


def _volume(policy: RetrainDeclaration, state: StreamState) -> TriggerStatus:
    fires = policy.every is not None and state.new_outcomes >= policy.every
    return TriggerStatus(trigger="volume", fires=fires, detail=f"{state.new_outcomes} outcomes since the last training")


def _performance(policy: RetrainDeclaration, state: StreamState) -> TriggerStatus:
    """Only outcomes after the last training's data count, so that a model is judged by its own predictions."""
    trained_until = state.trained_until
    later = [block for block in state.ordered_blocks() if block.start >= trained_until]
    blocks = [block for block in later if _score(policy, block) is not None][-policy.over :]
    if len(blocks) < policy.over:
        return TriggerStatus(trigger="performance", fires=False)
    score = _mean_score(policy, blocks)
    under = policy.below is not None and score < policy.below
    over = policy.above is not None and score > policy.above
    return TriggerStatus(
        trigger="performance",
        fires=under or over,
        blocked_by=cooldown_reason(policy, state, backed_off_cooldown(policy, state, "performance")),
        detail=f"{blocks[-1].metric} {score:.4g} over {policy.over} blocks by {policy.judged_by}",
    )


def _score(policy: RetrainDeclaration, block: OutcomeBlock) -> float | None:
    return block.score if policy.judged_by == "score" else block.estimate


def _mean_score(policy: RetrainDeclaration, blocks: list[OutcomeBlock]) -> float:
    return fmean(score for block in blocks if (score := _score(policy, block)) is not None)


def _declaration(policy: RetrainDeclaration, state: StreamState) -> TriggerStatus:
    newer = _newer_declaration(state)
    if newer is None:
        return TriggerStatus(trigger="declaration", fires=False)
    since = sum(block.stop - block.start for block in state.blocks.values() if block.first_time >= newer.time)
    cooling: WaitReason | None = "cooling" if state.new_outcomes < policy.cooldown else None
    blocked_by = cooling if since >= policy.settle else "settling"
    detail = f"version {newer.version} changes what models learn"
    return TriggerStatus(trigger="declaration", fires=True, blocked_by=blocked_by, detail=detail)


def _newer_declaration(state: StreamState) -> StreamDeclared | None:
    """The newest declaration, if models would learn something else from it than the last training did."""
    versions = [
        result.schema_version for _, result in state.ended_runs() if result.schema_version in state.declarations
    ]
    if not versions or versions[-1] is None:
        return None
    newest = state.declarations[max(state.declarations)]
    trained = state.declarations[versions[-1]]
    return newest if training_inputs(newest.declaration) != training_inputs(trained.declaration) else None


def _schedule(policy: RetrainDeclaration, state: StreamState, fired: datetime | None) -> TriggerStatus:
    fires = fired is not None and state.new_outcomes > 0
    return TriggerStatus(trigger="schedule", fires=fires, detail=f"cron {policy.cron}")


_TRIGGERS: dict[Trigger, Callable[[RetrainDeclaration, StreamState], TriggerStatus]] = {
    "drift": _drift,
    "declaration": _declaration,
    "performance": _performance,
    "volume": _volume,
    "growth": _growth,
}
