"""When retraining is worth it. Counted in outcomes and event time; only the calendar knows the wall clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.ids import derived_id
from penstock.contracts.records.decisions import Against, Argument
from penstock.contracts.records.training import Reason, TrainingRequest
from penstock.retrain_trigger.arguments import arguments, settled
from penstock.retrain_trigger.run_costs import is_spent
from penstock.retrain_trigger.stream_history import Memory

SOURCE = "penstock/retrain-trigger"


@dataclass(frozen=True)
class Ruling:
    """What is to be done now: the request that is due, or why there is none."""

    reason: Reason | Against
    detail: str = ""
    arguments: tuple[Argument, ...] = ()
    request: TrainingRequest | None = None


def rule(stream: str, policy: RetrainDeclaration, memory: Memory, fired: datetime | None = None) -> Ruling | None:
    """Whether to train now; None while there is nothing to decide. `fired`: the calendar did, at that instant.

    One run at a time: nothing is due while one is under way. A command comes before everything else, then the first
    training; then the declared triggers speak, within the budget.
    """
    if memory.training:
        waits = memory.asked is not None or memory.change is not None
        return Ruling("under-way", "a run is under way") if waits else None
    if memory.asked is not None:
        return _due(stream, policy, memory, _asked(memory))
    if memory.occasion is None:
        return None
    if memory.last is None:
        return _first(stream, policy, memory, fired)
    spoken = arguments(policy, memory, fired)
    if not _agreed(policy, spoken):
        return _against(spoken)
    if is_spent(policy, memory):
        return Ruling("budget", f"{policy.budget:g} training seconds of the day are used up", spoken)
    return _due(stream, policy, memory, _agreement(memory, spoken, fired), spoken)


@dataclass(frozen=True)
class _Occasion:
    reason: Reason
    detail: str
    time: datetime
    cause: str | None


def _asked(memory: Memory) -> _Occasion:
    command = memory.asked
    assert command is not None
    return _Occasion("command", f"asked for by {command.by}", command.time, command.id)


def _first(stream: str, policy: RetrainDeclaration, memory: Memory, fired: datetime | None) -> Ruling:
    newest, count = memory.occasion, f"{memory.outcomes} outcomes"
    assert newest is not None
    if memory.outcomes >= policy.first_after:
        return _due(stream, policy, memory, _Occasion("first", count, newest.time, newest.id))
    if fired is not None and policy.combine == "any":
        return _due(stream, policy, memory, _Occasion("schedule", f"cron {policy.cron}", fired, None))
    return Ruling("too-few", f"the first training waits for {policy.first_after} outcomes")


def _agreed(policy: RetrainDeclaration, spoken: tuple[Argument, ...]) -> bool:
    met = sum(argument.met for argument in spoken)
    needed = {"any": 1, "all": max(1, len(spoken)), "vote": policy.needs}
    return met >= needed[policy.combine]


def _against(spoken: tuple[Argument, ...]) -> Ruling:
    """Why not: what was outvoted, else what keeps the most telling argument back, else that there is none."""
    met = [argument for argument in spoken if argument.met]
    held = [argument for argument in spoken if argument.speaks and argument.held]
    if met:
        return Ruling("outvoted", _told(met), spoken)
    return Ruling(held[0].held or "nothing", _told(held), spoken) if held else Ruling("nothing", "", spoken)


def _told(spoken: list[Argument]) -> str:
    return "; ".join(argument.detail for argument in spoken)


def _agreement(memory: Memory, spoken: tuple[Argument, ...], fired: datetime | None) -> _Occasion:
    met = [argument for argument in spoken if argument.met]
    newest, reason = memory.occasion, met[0].trigger
    assert newest is not None
    if reason == "schedule" and fired is not None:
        return _Occasion(reason, _told(met), fired, None)
    change = memory.change if reason == "drift" else None
    return _Occasion(reason, _told(met), newest.time, change.id if change else newest.id)


def _due(
    stream: str,
    policy: RetrainDeclaration,
    memory: Memory,
    occasion: _Occasion,
    spoken: tuple[Argument, ...] = (),
) -> Ruling:
    fence = 0 if memory.last is None else memory.last.fence + 1
    request = TrainingRequest(
        source=SOURCE,
        id=derived_id("training-request", stream, fence),
        time=occasion.time,
        cause=occasion.cause,
        stream=stream,
        fence=fence,
        reason=occasion.reason,
        detail=occasion.detail,
        until=max(memory.outcomes, memory.until),
        since=_since(policy, memory),
    )
    return Ruling(occasion.reason, occasion.detail, spoken, request)


def _since(policy: RetrainDeclaration, memory: Memory) -> int | None:
    """Where the newest change was that has settled: an unnamed one, else the one that the last request named."""
    change = memory.change
    if change is not None and memory.last is not None and settled(policy, memory, change):
        return change.outcomes
    return memory.last.since if memory.last else None
