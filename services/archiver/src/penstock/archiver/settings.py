"""The settings of the archiver."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from penstock.runtime.settings import ServiceSettings


class ArchiverSettings(ServiceSettings):
    """Where the prediction log is kept, and for how many days (0: for ever).

    A file is written for so many new `rows` of a topic partition, or once the oldest of fewer has waited so many
    `seconds`.
    """

    port: Annotated[int, Field(alias="PENSTOCK_PORT", ge=1, le=65535)] = 8017
    artifacts: Annotated[str, Field(alias="PENSTOCK_ARTIFACTS")] = ".penstock/artifacts"
    rows: Annotated[int, Field(alias="PENSTOCK_ARCHIVER_ROWS", ge=1, le=200_000)] = 50_000
    seconds: Annotated[float, Field(alias="PENSTOCK_ARCHIVER_SECONDS", ge=1, le=86_400)] = 120.0
    retention_days: Annotated[int, Field(alias="PENSTOCK_ARCHIVER_RETENTION_DAYS", ge=0)] = 400
