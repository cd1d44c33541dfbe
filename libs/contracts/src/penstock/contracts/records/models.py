"""Models: registered versions, and the epochs in which they serve."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from penstock.contracts.records.control import ControlRecord


class ModelVersion(BaseModel):
    """A registered model: what it is, where its bytes are, and the signed statement about them."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    name: str
    version: Annotated[int, Field(ge=0)]
    family: str
    digest: str
    profile: str | None = None
    envelope: dict[str, Any]
    run: str | None = None
    schema_version: int


RolloutMode = Literal["canary", "shadow", "ab", "bandit"]


class Challenger(BaseModel):
    """A model on trial, and the share of the entities (or events, in a stream without entity) that it answers.

    A shadow has the share 0: it answers everything, and nobody but those who judge it hears of that.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    model: ModelVersion
    share: Annotated[float, Field(ge=0, le=1)] = 0.0


class RolloutStep(BaseModel):
    """The rollout under way: `challengers` answer their shares. `id` salts who is answered by whom, so that the same
    entity meets the same model as long as the rollout lasts.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    mode: RolloutMode
    step: Annotated[int, Field(ge=0)] = 0
    challengers: Annotated[tuple[Challenger, ...], Field(min_length=1)]


class ModelEpoch(ControlRecord):
    """From here on `champion` answers, but for the shares that a `rollout` gives to challengers.

    Epochs of a stream rise by one; a rollback is a higher epoch too. On the log `rollout` is called `trial`.
    """

    type: ClassVar[str] = "penstock.model-epoch.v1"

    stream: str
    epoch: Annotated[int, Field(ge=0)]
    champion: ModelVersion
    reason: Literal["baseline", "promotion", "rollback", "command", "rollout"]
    detail: str = ""
    rollout: Annotated[RolloutStep | None, Field(alias="trial")] = None


def subject_of(stream: str, run: str | None) -> str:
    """The name under which a model is signed: its stream and the training run, or the baseline of epoch 0."""
    return f"{stream}@{run or 'baseline'}"
