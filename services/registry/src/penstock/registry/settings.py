"""The registry's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from penstock.registry.addresses import KAFKA, Addresses, parse_addresses
from penstock.runtime.settings import ServiceSettings


def _check_addresses(text: str) -> str:
    parse_addresses(text)
    return text


class RegistrySettings(ServiceSettings):
    """The database, the artifact store, the key that signs baselines and the keys that are trusted.

    `declared_addresses` is where clients find the other services and the broker (`parse_addresses`).
    """

    database_url: str | None = None
    artifacts: Annotated[str, Field(alias="PENSTOCK_ARTIFACTS")] = ".penstock/artifacts"
    signing_key: Annotated[Path, Field(alias="PENSTOCK_SIGNING_KEY")]
    trusted_keys: Annotated[Path, Field(alias="PENSTOCK_TRUSTED_KEYS")]

    declared_addresses: Annotated[str, AfterValidator(_check_addresses), Field(alias="PENSTOCK_ADDRESSES")] = ""

    @property
    def addresses(self) -> Addresses:
        """What clients are told; the broker's are this service's own unless declared.

        Raises:
            OSError: the file of the trusted keys cannot be read.
        """
        declared = parse_addresses(self.declared_addresses)
        kafka = declared.pop(KAFKA, self.kafka_bootstrap_servers)
        return Addresses(self.namespace, kafka, self.artifacts, self.trusted_keys.read_text(), declared)

    @property
    def database(self) -> str:
        """The URL of the database: SQLite in the data folder unless set."""
        return self.database_url or f"sqlite:///{self.data_folder / 'registry.db'}"
