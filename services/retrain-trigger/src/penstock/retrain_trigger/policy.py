"""When retraining is worth it. Counted in outcomes and event time; only the calendar knows the wall clock."""

from __future__ import annotations

from datetime import datetime

from penstock.contracts.declaration import RetrainDeclaration
from penstock.contracts.ids import derived_id
from penstock.contracts.monitoring import Drift
from penstock.contracts.training import Reason, TrainingRequest
from penstock.retrain_trigger.memory import Memory

SOURCE = "penstock/retrain-trigger"


def decide(stream: str, policy: RetrainDeclaration, memory: Memory) -> TrainingRequest | None:
    """The request that is due, or None. One run at a time: nothing is due while one is under way.

    A command comes before everything else, then the first training, then drift, then growth.
    """
    if memory.training:
        return None
    if memory.asked is not None:
        command = memory.asked
        return _request(stream, policy, memory, "command", f"asked for by {command.by}", command.time, command.id)
    if memory.newest is None or memory.outcomes < policy.first_after:
        return None
    return _by_outcomes(stream, policy, memory)


def _by_outcomes(stream: str, policy: RetrainDeclaration, memory: Memory) -> TrainingRequest | None:
    newest, last = memory.newest, memory.last
    assert newest is not None
    if last is None:
        return _request(stream, policy, memory, "first", f"{memory.outcomes} outcomes", newest.time, newest.id)
    drift = memory.change
    cooled = memory.outcomes - last.until >= policy.cooldown
    if drift is not None and policy.on_drift and cooled and _settled(policy, memory, drift):
        return _request(stream, policy, memory, "drift", _named(drift), newest.time, drift.id)
    learnt, there_are = last.until - memory.learnt_from, memory.outcomes - memory.learnt_from
    if there_are >= policy.growth * learnt:
        detail = f"{there_are} outcomes to learn from, {learnt} at the last training"
        return _request(stream, policy, memory, "growth", detail, newest.time, newest.id)
    return None


def _settled(policy: RetrainDeclaration, memory: Memory, change: Drift) -> bool:
    """Whether there are outcomes enough since the change to learn from."""
    return memory.outcomes - change.outcomes >= policy.settle


def _since(policy: RetrainDeclaration, memory: Memory) -> int | None:
    """Where the newest change was that has settled: an unnamed one, else the one that the last request named."""
    change = memory.change
    if change is not None and memory.last is not None and _settled(policy, memory, change):
        return change.outcomes
    return memory.last.since if memory.last else None


def _named(drift: Drift) -> str:
    where = f" of {drift.field}" if drift.field else ""
    return f"{drift.kind} drift{where} by {drift.detector} at outcome {drift.outcomes}"


def scheduled(stream: str, policy: RetrainDeclaration, memory: Memory, due: datetime) -> TrainingRequest | None:
    """The request of the calendar at the instant `due`, or None: a run is under way, or there is nothing new."""
    already = 0 if memory.last is None else memory.last.until
    if memory.training or memory.outcomes <= already:
        return None
    return _request(stream, policy, memory, "schedule", f"cron {policy.cron}", due, cause=None)


def _request(
    stream: str,
    policy: RetrainDeclaration,
    memory: Memory,
    reason: Reason,
    detail: str,
    time: datetime,
    cause: str | None,
) -> TrainingRequest:
    fence, already = (0, 0) if memory.last is None else (memory.last.fence + 1, memory.last.until)
    return TrainingRequest(
        source=SOURCE,
        id=derived_id("training-request", stream, fence),
        time=time,
        cause=cause,
        stream=stream,
        fence=fence,
        reason=reason,
        detail=detail,
        until=max(memory.outcomes, already),
        since=_since(policy, memory),
    )
