"""The registry's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from penstock.runtime.settings import ServiceSettings


class RegistrySettings(ServiceSettings):
    """The database, the artifact store, the key that signs baselines and the keys that are trusted."""

    database_url: str | None = None
    artifacts: Annotated[str, Field(alias="PENSTOCK_ARTIFACTS")] = ".penstock/artifacts"
    signing_key: Annotated[Path, Field(alias="PENSTOCK_SIGNING_KEY")]
    trusted_keys: Annotated[Path, Field(alias="PENSTOCK_TRUSTED_KEYS")]

    @property
    def database(self) -> str:
        """The URL of the database: SQLite in the data folder unless set."""
        return self.database_url or f"sqlite:///{self.data_folder / 'registry.db'}"
