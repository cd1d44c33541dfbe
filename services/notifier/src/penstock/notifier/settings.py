"""The settings of the notifier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from penstock.runtime.settings import ServiceSettings


class NotifierSettings(ServiceSettings):
    """`notifications` is the TOML file that names the destinations; empty: nobody is told."""

    port: Annotated[int, Field(alias="PENSTOCK_PORT", ge=1, le=65535)] = 8015
    notifications: Annotated[str, Field(alias="PENSTOCK_NOTIFICATIONS")] = ""

    @property
    def file(self) -> Path | None:
        """The file of the destinations."""
        return Path(self.notifications) if self.notifications else None
