"""Decisions on retraining: those for it and those against it, with what spoke for either."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.training import Reason

Against = Literal["too-few", "nothing", "under-way", "settling", "cooling", "stale", "budget", "outvoted"]


class Argument(BaseModel):
    """What one trigger has to say: whether it `speaks` for a run, and what still keeps it back (`held`)."""

    model_config = ConfigDict(frozen=True)

    trigger: Reason
    speaks: bool
    held: Against | None = None
    detail: str = ""

    @property
    def met(self) -> bool:
        """Whether it speaks, with nothing against it."""
        return self.speaks and self.held is None


class Realised(BaseModel):
    """How much better the stream went after a model was promoted than before, over `rows` outcomes after it."""

    model_config = ConfigDict(frozen=True)

    value: float
    rows: int


class Decision(ControlRecord):
    """Whether the stream is to be trained anew. Written when it changes, or its reason: `number` counts them.

    `reason` is that of the `request`, or why there is none. The expected gain is what earlier runs of that reason came
    to in the metric's unit, the expected cost in CPU seconds; None where nothing is known. `realised` is what the run
    before this decision has turned out to gain.
    """

    type: ClassVar[str] = "penstock.decision.v1"

    stream: str
    number: Annotated[int, Field(ge=0)]
    verdict: Literal["retrain", "wait"]
    reason: Reason | Against
    detail: str = ""
    outcomes: int
    arguments: tuple[Argument, ...] = ()
    request: str | None = None
    expected_gain: float | None = None
    expected_cost: float | None = None
    realised: Realised | None = None
