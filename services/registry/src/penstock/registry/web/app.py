"""The registry over HTTP."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI

from penstock.registry.addresses import Addresses
from penstock.registry.retention.retention_watch import RetentionWatch
from penstock.registry.use_cases.registry import Registry
from penstock.registry.web.command_routes import add_command_routes
from penstock.registry.web.deployment_view import add_deployment_route
from penstock.registry.web.proposal_routes import add_proposal_routes
from penstock.registry.web.quality_view import add_quality_route
from penstock.registry.web.repair_routes import add_repair_routes
from penstock.registry.web.request_observer import observed_route
from penstock.registry.web.retention_view import add_retention_route
from penstock.registry.web.view_routes import add_view_routes
from penstock.runtime.http.api_app import build_api
from penstock.runtime.http.error_handlers import ErrorDetails
from penstock.runtime.service import Resources


def registry_app(registry: Registry, watch: RetentionWatch, addresses: Addresses, resources: Resources) -> FastAPI:
    """The ASGI app."""
    app = build_api(
        "Penstock registry",
        "Declares streams, and says which models serve them, since when and why. A command with an `Idempotency-Key` is"
        " done once; repeated, it gets the same answer. Every problem is a JSON document as RFC 9457 has it, with a"
        " `code`.",
        version("penstock-registry"),
        ErrorDetails(
            not_found="no such path; /docs lists them",
            method_not_allowed="another method is expected here: Allow names it",
            internal="the registry failed; its log says more",
        ),
        redirect_slashes=True,
        metrics=resources.metrics,
    )
    app.router.route_class = observed_route(resources.telemetry, resources.metrics)
    add_command_routes(app, registry)
    add_view_routes(app, registry)
    add_proposal_routes(app, registry)
    add_repair_routes(app, registry)
    add_retention_route(app, watch)
    add_quality_route(app, resources)
    add_deployment_route(app, addresses)
    return app
