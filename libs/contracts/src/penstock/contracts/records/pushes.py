"""Pushes: models that people made elsewhere, and what they say about them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

MetadataKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$")]
Text = Annotated[str, Field(max_length=500)]
MetadataValue = bool | int | Annotated[float, Field(allow_inf_nan=False)] | Text


class Push(BaseModel):
    """A model that a person made elsewhere and handed in, to be judged and served as any candidate is.

    `digest` is the artifact that holds its package, unsigned, `family` what it is, `by` who pushed it. `metadata` are
    keys with values of their own types, which versions are found by; `environment` names what it was made with, by
    library; `trained_until` is the event time up to which it has learnt, and it is judged on what came later.
    """

    model_config = ConfigDict(frozen=True)

    digest: str
    family: str
    by: str = ""
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=50)] = {}
    environment: Annotated[dict[MetadataKey, Text], Field(max_length=200)] = {}
    notes: Annotated[str, Field(max_length=4000)] = ""
    trained_until: AwareDatetime | None = None
