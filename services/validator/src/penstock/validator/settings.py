"""The settings of the validator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from penstock.runtime.settings import ServiceSettings


class ValidatorSettings(ServiceSettings):
    """`answer_key` is the file with the key of the server's seal; without it every event with an answer is refused."""

    port: Annotated[int, Field(alias="PENSTOCK_PORT", ge=1, le=65535)] = 8011
    answer_key: Annotated[Path | None, Field(alias="PENSTOCK_ANSWER_KEY")] = None
