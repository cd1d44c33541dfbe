"""The response that says which model serves a stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from penstock.contracts.records.models import RolloutMode, RolloutStep
from penstock.server.models.serving_models import ServingModels
from penstock.server.web.responses import ModelFacts, model_facts


class RolloutFacts(Struct):
    """The step of a rollout, and the share of each challenger by its version."""

    mode: RolloutMode
    step: int
    shares: dict[str, float]


class ServingModel(Struct):
    """Which model serves a stream, under which epoch, since when and why; `trial` if others answer beside it."""

    stream: str
    epoch: int
    reason: Literal["baseline", "promotion", "rollback", "command", "rollout"]
    since: datetime
    model: ModelFacts
    classes: Sequence[str]
    rollout: RolloutFacts | None = field(name="trial")


def serving_model(stream: str, serving: ServingModels) -> ServingModel:
    """The models that serve a stream, as a response."""
    return ServingModel(
        stream,
        serving.epoch,
        serving.record.reason,
        serving.record.time,
        model_facts(serving.champion),
        serving.champion.model.classes,
        None if serving.rollout is None else _rollout_facts(serving.rollout),
    )


def _rollout_facts(rollout: RolloutStep) -> RolloutFacts:
    shares = {str(challenger.model.version): challenger.share for challenger in rollout.challengers}
    return RolloutFacts(rollout.mode, rollout.step, shares)
