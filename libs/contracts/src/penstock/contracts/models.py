"""Models: registered versions, and the epochs in which they serve."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from penstock.contracts.control import ControlRecord


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


class ModelEpoch(ControlRecord):
    """From here on `champion` answers. Epochs of a stream rise by one; a rollback is a higher epoch too."""

    type: ClassVar[str] = "penstock.model-epoch.v1"

    stream: str
    epoch: Annotated[int, Field(ge=0)]
    champion: ModelVersion
    reason: Literal["baseline", "promotion", "rollback", "command"]
    detail: str = ""


def subject_of(stream: str, run: str | None) -> str:
    """The name under which a model is signed: its stream and the training run, or the baseline of epoch 0."""
    return f"{stream}@{run or 'baseline'}"
