"""Ingestion's settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from penstock.runtime.settings import ServiceSettings


class IngestionSettings(ServiceSettings):
    """Ingestion's settings: those of every service, with a port of its own."""

    port: Annotated[int, Field(alias="PENSTOCK_PORT", ge=1, le=65535)] = 8010
