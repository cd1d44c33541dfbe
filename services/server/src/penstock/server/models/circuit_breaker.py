"""Models on trial, and the breaker that takes one out at once when it fails."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from penstock.contracts.records.models import Challenger, ModelEpoch, ModelVersion
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.server.learning.outcome_state import Fold

MOST_FAILURES = 3  # batches that a challenger may fail to answer
PATIENCE = 2.0  # seconds that it may take for a batch


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """A model in service; `fold` is what goes on learning."""

    version: ModelVersion
    model: Model | Blend
    fold: Fold | None = None


@dataclass(slots=True, eq=False)
class Challenged:
    """A challenger as far as this process has met it: `arm` is None when its model must not serve."""

    arm: Arm | None
    failures: int = 0

    @property
    def answers(self) -> bool:
        """Whether it may be asked: a blown fuse stays blown as long as the trial lasts."""
        return self.arm is not None and self.failures < MOST_FAILURES

    def fail(self) -> bool:
        """Note a failure; whether it was the one that blew the fuse."""
        self.failures += 1
        return self.failures == MOST_FAILURES


def told(error: BaseException) -> str:
    """A failure in a few words."""
    return f"it took longer than {PATIENCE:g} s" if isinstance(error, asyncio.TimeoutError) else str(error)


def challengers_of(record: ModelEpoch) -> tuple[Challenger, ...]:
    """The models on trial in an epoch."""
    return () if record.rollout is None else record.rollout.challengers


def without_trial(record: ModelEpoch) -> ModelEpoch:
    """The epoch with its champion alone."""
    return record.model_copy(update={"rollout": None})
