"""Settings, read once from the environment: Kafka's under the names others use too, ours start with `PENSTOCK_`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, FilePath, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as PydanticSettingsError

from penstock.bus.kafka.log import Connection
from penstock.runtime.http.request_limits import RequestLimits
from penstock.telemetry.logs.start import LogFormat


class SettingsError(ValueError):
    """A setting is missing or wrong; the message names it and what was expected."""


def _check_addresses(servers: str) -> str:
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError("expected host:port, several with commas between them")
    return servers


class ServiceSettings(BaseSettings):
    """The settings of every service.

    `checkpoints` is where services with state store checkpoints of it: a path, `file:///path` or `s3://bucket/prefix`;
    empty: nowhere.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    kafka_bootstrap_servers: Annotated[str, AfterValidator(_check_addresses)] = "127.0.0.1:9092"
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: str | None = None
    kafka_ssl_ca_file: FilePath | None = None
    kafka_cluster_id: str | None = None
    kafka_replication_factor: Annotated[int, Field(ge=1)] = 1

    durability: Annotated[Literal["production", "development"], Field(alias="PENSTOCK_DURABILITY")] = "production"
    namespace: Annotated[str, Field(alias="PENSTOCK_NAMESPACE", pattern=r"^[a-z][a-z0-9-]*$")] = "penstock"
    host: Annotated[str, Field(alias="PENSTOCK_HOST")] = "127.0.0.1"
    port: Annotated[int, Field(alias="PENSTOCK_PORT", ge=1, le=65535)] = 8000
    share_port: Annotated[bool, Field(alias="PENSTOCK_SHARE_PORT")] = False
    http_connections: Annotated[int, Field(alias="PENSTOCK_HTTP_CONNECTIONS", ge=1)] = 1000
    http_head_seconds: Annotated[float, Field(alias="PENSTOCK_HTTP_HEAD_SECONDS", gt=0)] = 10.0
    http_body_seconds: Annotated[float, Field(alias="PENSTOCK_HTTP_BODY_SECONDS", gt=0)] = 30.0
    http_idle_seconds: Annotated[int, Field(alias="PENSTOCK_HTTP_IDLE_SECONDS", ge=1)] = 75
    http_unanswered_bytes: Annotated[int, Field(alias="PENSTOCK_HTTP_UNANSWERED_BYTES", ge=16 << 20)] = 256 << 20
    data_folder: Annotated[Path, Field(alias="PENSTOCK_DATA_FOLDER")] = Path(".penstock/data")
    checkpoints: Annotated[str, Field(alias="PENSTOCK_CHECKPOINTS")] = ""
    checkpoint_seconds: Annotated[float, Field(alias="PENSTOCK_CHECKPOINT_SECONDS", gt=0)] = 300.0
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        Field(alias="PENSTOCK_LOG_LEVEL"),
    ] = "INFO"
    log_format: Annotated[LogFormat, Field(alias="PENSTOCK_LOG_FORMAT")] = "auto"

    @model_validator(mode="after")
    def _check_sasl(self) -> Self:
        credentials = (self.kafka_sasl_mechanism, self.kafka_sasl_username, self.kafka_sasl_password)
        if self.kafka_security_protocol.startswith("SASL") and not all(credentials):
            raise ValueError(
                "KAFKA_SECURITY_PROTOCOL: with SASL, set KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD"
            )
        return self

    def request_limits(self) -> RequestLimits:
        """What the HTTP server takes."""
        return RequestLimits(
            head_seconds=self.http_head_seconds,
            body_seconds=self.http_body_seconds,
            idle_seconds=self.http_idle_seconds,
            connections=self.http_connections,
            unanswered_body_bytes=self.http_unanswered_bytes,
        )

    def connection(self) -> Connection:
        """How to reach the cluster."""
        return Connection(
            bootstrap_servers=self.kafka_bootstrap_servers,
            security_protocol=self.kafka_security_protocol,
            sasl_mechanism=self.kafka_sasl_mechanism,
            sasl_username=self.kafka_sasl_username,
            sasl_password=self.kafka_sasl_password,
            ca_file=str(self.kafka_ssl_ca_file) if self.kafka_ssl_ca_file else None,
            cluster_id=self.kafka_cluster_id,
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
        raise SettingsError(_message(error)) from error
    except PydanticSettingsError as error:
        raise SettingsError(str(error)) from error


def _message(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    expectation = first["msg"].removeprefix("Value error, ")
    return f"{str(first['loc'][0]).upper()}: {expectation}" if first["loc"] else expectation
