"""The settings of the drift detector."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from penstock.runtime.settings import ServiceSettings


class DriftDetectorSettings(ServiceSettings):
    """`artifacts` is where the profiles of models are: a path, `file:///path` or `s3://bucket/prefix`."""

    artifacts: Annotated[str, Field(alias="PENSTOCK_ARTIFACTS")] = ".penstock/artifacts"
