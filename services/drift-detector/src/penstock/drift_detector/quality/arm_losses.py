"""The losses of a block by model version and role: a rollout is decided on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from penstock.contracts.declaration.stream import Declaration, Task
from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.monitoring import ArmLosses
from penstock.drift_detector.losses import loss_between
from penstock.drift_detector.quality.objective_statistics import loss_moments
from penstock.drift_detector.quality.outcome_block import OutcomeBlock
from penstock.ml.metrics.confidence_sequences import Moments

Role = Literal["champion", "challenger", "shadow"]
Arm = tuple[int, Role]  # whose losses: a version and its role


def arm_losses(
    declaration: Declaration, block: OutcomeBlock, objective_losses: Sequence[float | None]
) -> tuple[ArmLosses, ...]:
    """For each version and role the losses of the labelled rows; for a shadow their excess over the answers' losses.

    `objective_losses` are those of all rows by the objective.
    """
    if len(block.versions) < len(block.short_keys):
        return ()  # the block was begun by a release that did not store versions
    losses: dict[Arm, list[float]] = defaultdict(list)
    for version, role, loss in _losses(declaration.task, block):
        losses[version, role].append(loss)
    by_objective: dict[Arm, list[float | None]] = defaultdict(list)
    for version, from_challenger, lost in zip(block.versions, block.from_challenger, objective_losses, strict=True):
        by_objective[version, "challenger" if from_challenger else "champion"].append(lost)
    return tuple(
        _summary(arm, Moments.of(values), loss_moments(declaration, by_objective[arm]))
        for arm, values in sorted(losses.items())
    )


def _losses(task: Task, block: OutcomeBlock) -> Iterator[tuple[int, Role, float]]:
    rows = zip(block.versions, block.from_challenger, block.losses, block.labels, block.shadows, strict=True)
    for version, from_challenger, loss, label, shadows in rows:
        if loss is not None and label is not None:
            yield version, "challenger" if from_challenger else "champion", loss
            for shadow, value in shadows:
                if value is not None:
                    yield shadow, "shadow", loss_between(task, value, label) - loss


def _summary(arm: Arm, moments: Moments, by_objective: LossMoments | None) -> ArmLosses:
    version, role = arm
    return ArmLosses(
        version=version,
        role=role,
        answers=moments.n,
        mean=moments.mean,
        squares=moments.squares,
        by_objective=by_objective,
    )
