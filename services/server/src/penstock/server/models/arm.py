"""An arm: a loaded model that may answer events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from penstock.contracts.codecs.prediction_encoder import PredictionDetails
from penstock.contracts.records.models import ModelVersion
from penstock.ml.features.frame import Frame
from penstock.ml.models.model import ModelOutput
from penstock.server.learning.outcome_follower import Learner
from penstock.server.models.repeated_failures import RepeatedFailures


@dataclass(frozen=True, slots=True)
class Answers:
    """A model's output for n rows.

    `learnt_to` is the offset that it had learnt outcomes to. `details` is what the predictions carry for those who
    learn from them.
    """

    output: ModelOutput
    learnt_to: int | None = None
    details: PredictionDetails | None = None


class ArmModel(Protocol):
    """A model in this process (`LocalModel`) or in a child (`ChildModel`)."""

    @property
    def family(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def learner(self) -> Learner | None:
        """What is to learn from outcomes; another one after the model was opened anew."""

    async def answer(self, frame: Frame, entities: Sequence[str | None]) -> Answers:
        """Answer n rows; a model may raise anything."""

    def close(self) -> None:
        """Answer no more; a call under way is finished."""


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """A loaded model with its version, and what it failed at as a champion."""

    version: ModelVersion
    model: ArmModel
    failures: RepeatedFailures = field(default_factory=RepeatedFailures)
