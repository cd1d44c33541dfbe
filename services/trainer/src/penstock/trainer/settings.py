"""Settings of the trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from penstock.runtime.settings import ServiceSettings


class TrainerSettings(ServiceSettings):
    """Where models are kept, what they are signed with, and how long a training may take (seconds)."""

    artifacts: Annotated[str, Field(alias="PENSTOCK_ARTIFACTS")] = ".penstock/artifacts"
    signing_key: Annotated[Path, Field(alias="PENSTOCK_SIGNING_KEY")]
    training_timeout: Annotated[float, Field(alias="PENSTOCK_TRAINING_TIMEOUT", gt=0, le=86_400)] = 1800.0
