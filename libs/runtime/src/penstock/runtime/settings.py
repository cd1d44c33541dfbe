"""Settings, read once from the environment. The ecosystem's own names win; ours start with `PENSTOCK_`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from penstock.bus.kafka import Connection


class SettingsError(ValueError):
    """A setting is missing or wrong; the message names it and what was expected."""


class ServiceSettings(BaseSettings):
    """What every service needs to know."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_security_protocol: str = "PLAINTEXT"
    kafka_sasl_mechanism: str | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: str | None = None
    kafka_ssl_ca_file: str | None = None
    kafka_replication_factor: Annotated[int, Field(ge=1)] = 1

    namespace: Annotated[str, Field(alias="PENSTOCK_NAMESPACE", pattern=r"^[a-z][a-z0-9-]*$")] = "penstock"
    host: Annotated[str, Field(alias="PENSTOCK_HOST")] = "127.0.0.1"
    port: Annotated[int, Field(alias="PENSTOCK_PORT", ge=1, le=65535)] = 8000
    data_folder: Annotated[Path, Field(alias="PENSTOCK_DATA_FOLDER")] = Path(".penstock/data")
    log_level: Annotated[str, Field(alias="PENSTOCK_LOG_LEVEL")] = "INFO"

    def connection(self) -> Connection:
        """How to reach the cluster."""
        return Connection(
            bootstrap_servers=self.kafka_bootstrap_servers,
            security_protocol=self.kafka_security_protocol,
            sasl_mechanism=self.kafka_sasl_mechanism,
            sasl_username=self.kafka_sasl_username,
            sasl_password=self.kafka_sasl_password,
            ca_file=self.kafka_ssl_ca_file,
        )


S = TypeVar("S", bound=ServiceSettings)


def read_settings(settings_type: type[S]) -> S:
    """The settings of a service, from the environment.

    Raises:
        SettingsError: one is missing or wrong.
    """
    try:
        return settings_type()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        raise SettingsError(f"{name.upper()}: {first['msg']}") from error
