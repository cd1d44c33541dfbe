"""What speaks for a run, trigger by trigger, and what keeps it back. Asked once something was trained."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from statistics import fmean

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration, Trigger
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.decisions import Against, Argument
from penstock.contracts.records.monitoring import Drift, Statistics
from penstock.contracts.records.streams import StreamDeclared
from penstock.retrain_trigger.run_costs import cooldown_after, growth_factor, rest
from penstock.retrain_trigger.stream_history import Memory


def arguments(policy: RetrainDeclaration, memory: Memory, fired: datetime | None) -> tuple[Argument, ...]:
    """What every declared trigger has to say, the most telling first; `fired`: the calendar did, at that instant."""
    spoken = (
        _schedule(policy, memory, fired) if name == "schedule" else _BY[name](policy, memory)
        for name in policy.triggers
    )
    return tuple(spoken)


def settled(policy: RetrainDeclaration, memory: Memory, change: Drift) -> bool:
    """Whether there are outcomes enough since the change to learn from."""
    return memory.outcomes - change.outcomes >= policy.settle


def _drift(policy: RetrainDeclaration, memory: Memory) -> Argument:
    change = memory.change
    if change is None:
        return Argument(trigger="drift", speaks=False)
    cooldown = cooldown_after(policy, memory, "drift")
    held = rest(policy, memory, cooldown) if settled(policy, memory, change) else "settling"
    return Argument(trigger="drift", speaks=True, held=held, detail=_named(change))


def _named(drift: Drift) -> str:
    where = f" of {drift.field}" if drift.field else ""
    return f"{drift.kind} drift{where} by {drift.detector} at outcome {drift.outcomes}"


def _growth(policy: RetrainDeclaration, memory: Memory) -> Argument:
    """A run on everything has evidence enough that is new, by its factor; one on what followed a change must rest."""
    learnt, there_are = memory.until - memory.learnt_from, memory.outcomes - memory.learnt_from
    return Argument(
        trigger="growth",
        speaks=there_are >= growth_factor(policy, memory) * learnt,
        held=rest(policy, memory, policy.cooldown) if memory.learnt_from else None,
        detail=f"{there_are} outcomes to learn from, {learnt} at the last training",
    )


def _volume(policy: RetrainDeclaration, memory: Memory) -> Argument:
    speaks = policy.every is not None and memory.fresh >= policy.every
    return Argument(trigger="volume", speaks=speaks, detail=f"{memory.fresh} outcomes since the last training")


def _performance(policy: RetrainDeclaration, memory: Memory) -> Argument:
    """Judged on what came after the last training's data alone, so that a model answers for itself."""
    later = [block for block in memory.newest_blocks() if block.start >= memory.until]
    blocks = [block for block in later if _judged(policy, block) is not None][-policy.over :]
    if len(blocks) < policy.over:
        return Argument(trigger="performance", speaks=False)
    score = _mean(policy, blocks)
    under = policy.below is not None and score < policy.below
    over = policy.above is not None and score > policy.above
    return Argument(
        trigger="performance",
        speaks=under or over,
        held=rest(policy, memory, cooldown_after(policy, memory, "performance")),
        detail=f"{blocks[-1].metric} {score:.4g} over {policy.over} blocks by {policy.judged_by}",
    )


def _judged(policy: RetrainDeclaration, block: Statistics) -> float | None:
    if policy.judged_by == "score":
        return block.score
    return block.estimate.score if block.estimate else None


def _mean(policy: RetrainDeclaration, blocks: list[Statistics]) -> float:
    return fmean(score for block in blocks if (score := _judged(policy, block)) is not None)


def _declaration(policy: RetrainDeclaration, memory: Memory) -> Argument:
    changed = _changed(memory)
    if changed is None:
        return Argument(trigger="declaration", speaks=False)
    since = sum(block.stop - block.start for block in memory.blocks.values() if block.first_time >= changed.time)
    cooling: Against | None = "cooling" if memory.fresh < policy.cooldown else None
    held = cooling if since >= policy.settle else "settling"
    detail = f"version {changed.version} changes what models learn"
    return Argument(trigger="declaration", speaks=True, held=held, detail=detail)


def _changed(memory: Memory) -> StreamDeclared | None:
    """The newest declaration, if what models learn differs from those of the last training."""
    versions = [end.schema_version for _, end in memory.past() if end.schema_version in memory.declared]
    if not versions or versions[-1] is None:
        return None
    newest = memory.declared[max(memory.declared)]
    learnt = memory.declared[versions[-1]]
    return newest if _learnable(newest.declaration) != _learnable(learnt.declaration) else None


def _learnable(declaration: Declaration) -> object:
    label = declaration.label
    return declaration.task, declaration.features, label.name, label.classes, declaration.lags, declaration.models


def _schedule(policy: RetrainDeclaration, memory: Memory, fired: datetime | None) -> Argument:
    return Argument(trigger="schedule", speaks=fired is not None and memory.fresh > 0, detail=f"cron {policy.cron}")


_BY: dict[Trigger, Callable[[RetrainDeclaration, Memory], Argument]] = {
    "drift": _drift,
    "declaration": _declaration,
    "performance": _performance,
    "volume": _volume,
    "growth": _growth,
}
