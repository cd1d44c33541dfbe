"""What the drift detector must be told."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from penstock.runtime.settings import ServiceSettings


class DriftDetectorSettings(ServiceSettings):
    """`artifacts` is where the profiles of models lie: a path, `file:///path` or `s3://bucket/prefix`."""

    artifacts: Annotated[str, Field(alias="PENSTOCK_ARTIFACTS")] = ".penstock/artifacts"
