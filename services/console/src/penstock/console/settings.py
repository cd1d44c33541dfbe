"""The settings of the console's web pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from penstock.runtime.settings import ServiceSettings


def _check_services(text: str) -> str:
    for entry in filter(None, text.split(",")):
        name, _, url = entry.partition("=")
        if not name.strip() or not url.strip().startswith(("http://", "https://")):
            raise ValueError("expected NAME=URL, several with commas between them")
    return text


class ConsoleSettings(ServiceSettings):
    """Where the console finds what it shows.

    `registry` is the address of the registry, which carries out what people command; `services` those of all services
    whose health is shown, each as NAME=URL. `artifacts` holds the prediction log and the models, which are opened if
    `trusted_keys` tell by whom they are signed. `trace_viewer` is the address of a Zipkin, if there is one. `hosts`
    are the names under which browsers may come, beside those of this machine. `batches` is the folder that the batches
    which streams declare are written to; without it none is.
    """

    port: Annotated[int, Field(alias="PENSTOCK_PORT", ge=1, le=65535)] = 8040
    registry: Annotated[str, Field(alias="PENSTOCK_REGISTRY", pattern="^https?://")] = "http://127.0.0.1:8030"
    services: Annotated[str, AfterValidator(_check_services), Field(alias="PENSTOCK_SERVICES")] = ""
    artifacts: Annotated[str, Field(alias="PENSTOCK_ARTIFACTS")] = ".penstock/artifacts"
    trusted_keys: Annotated[Path | None, Field(alias="PENSTOCK_TRUSTED_KEYS")] = None
    trace_viewer: Annotated[str, Field(alias="PENSTOCK_TRACE_VIEWER")] = ""
    hosts: Annotated[str, Field(alias="PENSTOCK_CONSOLE_HOSTS")] = ""
    batches: Annotated[Path | None, Field(alias="PENSTOCK_BATCHES")] = None

    @property
    def service_urls(self) -> dict[str, str]:
        """The address of each service by name."""
        entries = (entry.partition("=") for entry in filter(None, self.services.split(",")))
        return {name.strip(): url.strip().rstrip("/") for name, _, url in entries}

    @property
    def host_names(self) -> frozenset[str]:
        """The names under which browsers may come."""
        return frozenset(filter(None, (name.strip().lower() for name in self.hosts.split(","))))
