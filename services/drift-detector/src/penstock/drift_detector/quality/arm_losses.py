"""The losses of a block by model version and role: a rollout is decided on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

from penstock.contracts.declaration.stream import Task
from penstock.contracts.records.monitoring import ArmLosses
from penstock.drift_detector.losses import loss_between
from penstock.drift_detector.quality.outcome_block import OutcomeBlock
from penstock.ml.metrics.confidence_sequences import Moments

Role = Literal["champion", "challenger", "shadow"]


def arm_losses(task: Task, block: OutcomeBlock) -> tuple[ArmLosses, ...]:
    """For each version and role the losses of the labelled rows; for a shadow their excess over the answers' losses."""
    if len(block.versions) < len(block.short_keys):
        return ()  # the block was begun by a release that did not store versions
    losses: dict[tuple[int, Role], list[float]] = defaultdict(list)
    for version, role, loss in _losses(task, block):
        losses[version, role].append(loss)
    return tuple(_summary(version, role, Moments.of(values)) for (version, role), values in sorted(losses.items()))


def _losses(task: Task, block: OutcomeBlock) -> Iterator[tuple[int, Role, float]]:
    rows = zip(block.versions, block.from_challenger, block.losses, block.labels, block.shadows, strict=True)
    for version, from_challenger, loss, label, shadows in rows:
        if loss is not None and label is not None:
            yield version, "challenger" if from_challenger else "champion", loss
            for shadow, value in shadows:
                if value is not None:
                    yield shadow, "shadow", loss_between(task, value, label) - loss


def _summary(version: int, role: Role, moments: Moments) -> ArmLosses:
    return ArmLosses(version=version, role=role, answers=moments.n, mean=moments.mean, squares=moments.squares)
