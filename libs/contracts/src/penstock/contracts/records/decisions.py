"""Decisions on retraining: whether to train now or to wait, and why."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.training import TrainingReason

WaitReason = Literal["too-few", "nothing", "under-way", "settling", "cooling", "stale", "budget", "outvoted"]


class TriggerStatus(BaseModel):
    """The state of one trigger of the retraining policy at the time of a decision.

    `speaks` is true if the trigger fires; `held` is the reason for which a trigger that fires must wait, null if none.
    """

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True)

    trigger: TrainingReason
    fires: Annotated[bool, Field(alias="speaks")]
    blocked_by: Annotated[WaitReason | None, Field(alias="held")] = None
    detail: str = ""

    @property
    def calls_for_training(self) -> bool:
        """Whether it fires, and nothing makes it wait."""
        return self.fires and self.blocked_by is None


class RealisedGain(BaseModel):
    """How much better the stream's answers were after a promotion than before, over `rows` outcomes after it.

    `loss` is what an outcome lost less of, as in `LossMoments`; absent: it is the gain of the score (accuracy, or the
    mean absolute error).
    """

    model_config = ConfigDict(frozen=True)

    value: float
    rows: int
    loss: Annotated[str | None, Field(exclude_if=lambda loss: loss is None)] = None


class Decision(ControlRecord):
    """Whether a stream is trained now (`retrain`) or not (`wait`).

    Written whenever the verdict or its reason changes; `number` counts a stream's decisions. `reason` is the reason
    of the training, or for waiting. `outcomes` is how many outcomes the stream had; `arguments` holds the state of
    each trigger; `request` is the id of the training request.

    `expected_gain` is the mean gain that the newest trainings for the same reason turned out to have, in the unit of
    the newest; `expected_cost` is the CPU seconds of a training on all outcomes, by the cost of a row in the newest
    trainings. Both are null where there were none. `realised` is what the training before this decision has gained.
    """

    type: ClassVar[str] = "penstock.decision.v1"

    stream: str
    number: Annotated[int, Field(ge=0)]
    verdict: Literal["retrain", "wait"]
    reason: TrainingReason | WaitReason
    detail: str = ""
    outcomes: int
    arguments: tuple[TriggerStatus, ...] = ()
    request: str | None = None
    expected_gain: float | None = None
    expected_cost: float | None = None
    realised: RealisedGain | None = None
