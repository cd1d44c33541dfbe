"""Models: registered versions, and the epochs in which they serve."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.pushes import Push


class ModelVersion(BaseModel):
    """A registered model.

    `digest` is the artifact that holds its package, `profile` the artifact with its training profile, `envelope` the
    signed statement about the package (DSSE), `run` the training run that made it. `push` is there if a person did, and
    the run only judged it.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    name: str
    version: Annotated[int, Field(ge=0)]
    family: str
    digest: str
    profile: str | None = None
    envelope: dict[str, Any]
    run: str | None = None
    schema_version: int
    push: Annotated[Push | None, Field(exclude_if=lambda push: push is None)] = None


RolloutMode = Literal["canary", "shadow", "ab", "bandit"]


class Challenger(BaseModel):
    """A model in a rollout, and its share of the entities (of the events, in a stream without an entity).

    A shadow has the share 0: it answers every event for comparison, and its answers are given to nobody.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    model: ModelVersion
    share: Annotated[float, Field(ge=0, le=1)] = 0.0


class RolloutStep(BaseModel):
    """One step of a rollout: each of the `challengers` answers its share.

    `id` salts the traffic split, so that an entity is answered by the same arm throughout the rollout.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    mode: RolloutMode
    step: Annotated[int, Field(ge=0)] = 0
    challengers: Annotated[tuple[Challenger, ...], Field(min_length=1)]


class ModelEpoch(ControlRecord):
    """From this epoch on `champion` answers, except for the shares of the challengers of a rollout.

    The epochs of a stream rise by one; a rollback is a higher epoch with an earlier champion. The step of the rollout
    is the field `trial`. `holdout` are the champion's losses on the holdout that it was promoted by, if it was.
    """

    type: ClassVar[str] = "penstock.model-epoch.v1"

    stream: str
    epoch: Annotated[int, Field(ge=0)]
    champion: ModelVersion
    reason: Literal["baseline", "promotion", "rollback", "command", "rollout"]
    detail: str = ""
    rollout: Annotated[RolloutStep | None, Field(alias="trial")] = None
    holdout: Annotated[LossMoments | None, Field(exclude_if=lambda losses: losses is None)] = None


def subject_of(stream: str, run: str | None) -> str:
    """The subject name that a model is signed under: its stream and training run, or the baseline of epoch 0."""
    return f"{stream}@{run or 'baseline'}"
