"""The way into the deployment: who knows the registry finds everything else."""

from __future__ import annotations

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict

from penstock.registry.addresses import Addresses
from penstock.registry.web.documentation import view


class DeploymentView(BaseModel):
    """Where a client finds the parts of the deployment, as seen from where it asks.

    `kafka` are the bootstrap servers, `services` the URL of each service by name, without a trailing slash.
    `artifacts` is the store of models and archives, and `trusted_keys` the public keys, in PEM, that sign its models.
    """

    model_config = ConfigDict(frozen=True)

    namespace: str
    kafka: str
    services: dict[str, str]
    artifacts: str
    trusted_keys: str


def add_deployment_route(app: FastAPI, addresses: Addresses) -> None:
    """Add the route of the view."""

    @app.get("/v1/deployment", **view())
    async def get_deployment(request: Request) -> DeploymentView:
        """Where the services, the broker and the artifact store are."""
        host = request.url.hostname or "localhost"
        host = f"[{host}]" if ":" in host else host
        return DeploymentView(
            namespace=addresses.namespace,
            kafka=addresses.kafka_at(host),
            services=addresses.services_at(host, request.url.scheme),
            artifacts=addresses.artifacts,
            trusted_keys=addresses.trusted_keys,
        )
