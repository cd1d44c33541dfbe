"""The losses of a block by the model that answered, or would have: what trials of models are judged on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

from penstock.contracts.declaration.stream import Task
from penstock.contracts.records.monitoring import ArmLosses
from penstock.drift_detector.losses import loss_between
from penstock.drift_detector.quality.block_outcomes import Block
from penstock.ml.metrics.confidence_sequences import Moments

Role = Literal["champion", "challenger", "shadow"]


def arms_of(task: Task, block: Block) -> tuple[ArmLosses, ...]:
    """Of each version and role in the block the losses of the rows that have a label, and of shadows the differences."""
    if len(block.versions) < len(block.marks):
        return ()  # the block was begun by a version that did not tell them apart
    losses: dict[tuple[int, Role], list[float]] = defaultdict(list)
    for version, role, loss in _told(task, block):
        losses[version, role].append(loss)
    return tuple(_losses(version, role, Moments.of(some)) for (version, role), some in sorted(losses.items()))


def _told(task: Task, block: Block) -> Iterator[tuple[int, Role, float]]:
    rows = zip(block.versions, block.challenged, block.losses, block.labels, block.shadows, strict=True)
    for version, challenged, loss, label, shadows in rows:
        if loss is not None and label is not None:
            yield version, "challenger" if challenged else "champion", loss
            for shadow, value in shadows:
                if value is not None:
                    yield shadow, "shadow", loss_between(task, value, label) - loss


def _losses(version: int, role: Role, found: Moments) -> ArmLosses:
    return ArmLosses(version=version, role=role, answers=found.n, mean=found.mean, squares=found.squares)
