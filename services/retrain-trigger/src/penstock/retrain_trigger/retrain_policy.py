"""When retraining is worth it, counted in outcomes and event time; only the cron schedule uses the wall clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.ids import derived_id
from penstock.contracts.records.decisions import TriggerStatus, WaitReason
from penstock.contracts.records.governance import Command
from penstock.contracts.records.monitoring import Drift
from penstock.contracts.records.training import TrainingReason, TrainingRequest
from penstock.retrain_trigger.change_points import due_change, starts_after_changes
from penstock.retrain_trigger.cooldown_and_budget import is_budget_spent
from penstock.retrain_trigger.stream_state import StreamState
from penstock.retrain_trigger.triggers import evaluate_triggers

SOURCE = "penstock/retrain-trigger"


@dataclass(frozen=True)
class RetrainDecision:
    """Whether to train now: the request to issue, or the reason to wait; with the status of each trigger."""

    reason: TrainingReason | WaitReason
    detail: str = ""
    statuses: tuple[TriggerStatus, ...] = ()
    request: TrainingRequest | None = None


@dataclass(frozen=True)
class _Cause:
    """Why a training is requested: the reason, its detail, its time, and the id of the record that led to it."""

    reason: TrainingReason
    detail: str
    time: datetime
    record_id: str | None


def evaluate_policy(
    stream: str, policy: RetrainDeclaration, state: StreamState, fired: datetime | None = None
) -> RetrainDecision | None:
    """Decide whether to train the stream now; None while there is nothing to decide.

    `fired` is when the cron schedule fired, None when it did not. While a run is under way nothing is requested. A
    push goes before all else, once there are outcomes to judge it on, then a command, then a champion that falls short,
    without a cooldown, then the first training; after it the declared triggers. All but pushes, commands and the first
    training are within the budget.
    """
    if state.run_under_way:
        causes = (state.open_push, state.open_command, state.open_shortfall, state.open_drift(policy.feature_drift))
        pending = any(each is not None for each in causes)
        return RetrainDecision("under-way", "a run is under way") if pending else None
    push = state.open_push
    if push is None:
        return _evaluate_training(stream, policy, state, fired)
    if state.unlearnt_outcomes >= state.holdout:
        return _judge(stream, state, push)
    decision = _evaluate_training(stream, policy, state, fired)
    if state.outcome_report is None or (decision is not None and decision.request is not None):
        return decision
    since = "" if state.champion_until is None else " that the champion has not learnt from"
    wait = f"the model pushed by {push.by} waits for {state.holdout} outcomes{since}, there are"
    return RetrainDecision("too-few", f"{wait} {state.unlearnt_outcomes}")


def _evaluate_training(
    stream: str, policy: RetrainDeclaration, state: StreamState, fired: datetime | None
) -> RetrainDecision | None:
    if state.open_command is not None:
        command = state.open_command
        cause = _Cause("command", f"asked for by {command.by}", command.time, command.id)
        return _retrain(stream, policy, state, cause)
    if state.outcome_report is None:
        return None
    if state.open_shortfall is not None and not is_budget_spent(policy, state):
        return _retrain(stream, policy, state, _cause_of_shortfall(state.open_shortfall))
    if state.last_training is None:
        return _decide_first_training(stream, policy, state, fired)
    statuses = evaluate_triggers(policy, state, fired)
    if not _enough_triggers_fire(policy, statuses):
        return _wait(statuses)
    if is_budget_spent(policy, state):
        return RetrainDecision("budget", f"{policy.budget:g} training seconds of the day are used up", statuses)
    return _retrain(stream, policy, state, _cause_of(policy, state, statuses, fired), statuses)


def _decide_first_training(
    stream: str, policy: RetrainDeclaration, state: StreamState, fired: datetime | None
) -> RetrainDecision:
    report = state.outcome_report
    assert report is not None
    if state.outcomes >= policy.first_after:
        cause = _Cause("first", f"{state.outcomes} outcomes", report.time, report.id)
        return _retrain(stream, policy, state, cause)
    if fired is not None and policy.combine == "any":
        return _retrain(stream, policy, state, _Cause("schedule", f"cron {policy.cron}", fired, None))
    return RetrainDecision("too-few", f"the first training waits for {policy.first_after} outcomes")


def _enough_triggers_fire(policy: RetrainDeclaration, statuses: tuple[TriggerStatus, ...]) -> bool:
    needed = {"any": 1, "all": max(1, len(statuses)), "vote": policy.needs}
    return len(_firing(statuses)) >= needed[policy.combine]


def _firing(statuses: tuple[TriggerStatus, ...]) -> list[TriggerStatus]:
    return [status for status in statuses if status.calls_for_training]


def _wait(statuses: tuple[TriggerStatus, ...]) -> RetrainDecision:
    """Wait: the triggers that fire were outvoted, or the most important one is blocked, or none fires."""
    firing = _firing(statuses)
    if firing:
        return RetrainDecision("outvoted", _details(firing), statuses)
    blocked = [status for status in statuses if status.fires and status.blocked_by]
    reason: WaitReason = (blocked[0].blocked_by if blocked else None) or "nothing"
    return RetrainDecision(reason, _details(blocked), statuses)


def _cause_of(
    policy: RetrainDeclaration, state: StreamState, statuses: tuple[TriggerStatus, ...], fired: datetime | None
) -> _Cause:
    firing = _firing(statuses)
    report, reason = state.outcome_report, firing[0].trigger
    assert report is not None
    if reason == "schedule" and fired is not None:
        return _Cause(reason, _details(firing), fired, None)
    drift = due_change(policy, state) if reason == "drift" else None
    return _Cause(reason, _details(firing), report.time, drift.id if drift else report.id)


def _cause_of_shortfall(drift: Drift) -> _Cause:
    detail = f"mean loss {drift.statistic:.4g} in epoch {drift.epoch}, expected {drift.threshold:.4g}"
    return _Cause("performance", detail, drift.time, drift.id)


def _details(statuses: list[TriggerStatus]) -> str:
    return "; ".join(status.detail for status in statuses)


def _retrain(
    stream: str,
    policy: RetrainDeclaration,
    state: StreamState,
    cause: _Cause,
    statuses: tuple[TriggerStatus, ...] = (),
) -> RetrainDecision:
    request = _request(stream, state, cause)
    starts = starts_after_changes(policy, state, request.until)
    learning = {
        "since": starts[0] if starts else None,
        "earlier_changes": tuple(starts[1:]),
        "shortfall": state.shortfall.epoch if state.shortfall else None,
    }
    return RetrainDecision(cause.reason, cause.detail, statuses, request.model_copy(update=learning))


def _judge(stream: str, state: StreamState, command: Command) -> RetrainDecision:
    """Nothing is learnt: changes and shortfalls stay open for a training."""
    cause = _Cause("command", f"a model pushed by {command.by}", command.time, command.id)
    request = _request(stream, state, cause).model_copy(update={"push": command.push})
    return RetrainDecision(cause.reason, cause.detail, (), request)


def _request(stream: str, state: StreamState, cause: _Cause) -> TrainingRequest:
    fence = 0 if state.last_request is None else state.last_request.fence + 1
    return TrainingRequest(
        source=SOURCE,
        id=derived_id("training-request", stream, fence),
        time=cause.time,
        cause=cause.record_id,
        stream=stream,
        fence=fence,
        reason=cause.reason,
        detail=cause.detail,
        until=max(state.outcomes, state.trained_until),
    )
