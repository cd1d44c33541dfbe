"""An arm: a loaded model that may answer events."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.contracts.records.models import ModelVersion
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.server.learning.outcome_state import OutcomeState


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """A loaded model with its version; `outcome_state` is what it has learnt from outcomes since training."""

    version: ModelVersion
    model: Model | Blend
    outcome_state: OutcomeState | None = None
