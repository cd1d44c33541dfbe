"""The settings of the server and of its children."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from penstock.runtime.settings import ServiceSettings

Workers = Annotated[int, Field(ge=0, le=64)]
Port = Annotated[int, Field(ge=1, le=65535)]


class SupervisorSettings(ServiceSettings):
    """How many children of each kind run, and where they listen.

    Every http child listens on `port`; the i-th stream child serves its health on `stream_port` + i. On
    `children_port`, if there is one, this process says how its children are.
    """

    http_workers: Annotated[Workers, Field(alias="PENSTOCK_HTTP_WORKERS")] = 1
    stream_workers: Annotated[Workers, Field(alias="PENSTOCK_STREAM_WORKERS")] = 1
    stream_port: Annotated[Port, Field(alias="PENSTOCK_STREAM_PORT")] = 8021
    children_port: Annotated[Port | None, Field(alias="PENSTOCK_CHILDREN_PORT")] = None


class ModelSettings(ServiceSettings):
    """Where models come from, whose signature counts, and which process, if any, started this one."""

    artifacts: Annotated[str, Field(alias="PENSTOCK_ARTIFACTS")] = ".penstock/artifacts"
    trusted_keys: Annotated[Path | None, Field(alias="PENSTOCK_TRUSTED_KEYS")] = None
    supervisor: Annotated[int | None, Field(alias="PENSTOCK_SUPERVISOR")] = None


class StreamSettings(ModelSettings):
    """The settings of a stream child; its port serves its health alone."""

    port: Annotated[Port, Field(alias="PENSTOCK_STREAM_PORT")] = 8021


class HttpSettings(ModelSettings):
    """The settings of an http child."""

    answer_key: Annotated[Path | None, Field(alias="PENSTOCK_ANSWER_KEY")] = None
