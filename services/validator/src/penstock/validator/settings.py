"""The validator's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from penstock.runtime.settings import ServiceSettings


class ValidatorSettings(ServiceSettings):
    """What the validator needs to know: the key that HTTP predict seals its answers with, where there is one."""

    port: Annotated[int, Field(alias="PENSTOCK_PORT", ge=1, le=65535)] = 8011
    answer_key: Annotated[Path | None, Field(alias="PENSTOCK_ANSWER_KEY")] = None
