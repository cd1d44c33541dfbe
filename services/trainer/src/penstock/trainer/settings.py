"""Settings of the trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from penstock.runtime.settings import ServiceSettings
from penstock.trainer.job import Backend


class TrainerSettings(ServiceSettings):
    """Where models are kept, what they are signed with, how many seconds a training may take, and on what it runs.

    `searches` is the folder that a search is kept in until its run has ended; by default it is beside the models if
    these are in a folder.
    """

    artifacts: Annotated[str, Field(alias="PENSTOCK_ARTIFACTS")] = ".penstock/artifacts"
    signing_key: Annotated[Path, Field(alias="PENSTOCK_SIGNING_KEY")]
    training_timeout: Annotated[float, Field(alias="PENSTOCK_TRAINING_TIMEOUT", gt=0, le=86_400)] = 1800.0
    training_backend: Annotated[Backend, Field(alias="PENSTOCK_TRAINING_BACKEND")] = "sequential"
    training_jobs: Annotated[int, Field(alias="PENSTOCK_TRAINING_JOBS", ge=1, le=1024)] = 1
    searches: Annotated[Path | None, Field(alias="PENSTOCK_SEARCHES")] = None
