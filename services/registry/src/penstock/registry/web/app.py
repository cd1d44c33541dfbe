"""The registry over HTTP."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from penstock.registry.use_cases.registry import Registry
from penstock.registry.web.command_routes import add_command_routes
from penstock.registry.web.problems import answer_http_error
from penstock.registry.web.request_observer import observed_route
from penstock.registry.web.view_routes import add_view_routes
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry


def registry_app(registry: Registry, telemetry: Telemetry, metrics: Metrics) -> FastAPI:
    """The ASGI app."""
    app = FastAPI(title="Penstock registry", docs_url=None, redoc_url=None)
    app.router.route_class = observed_route(telemetry, metrics)
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_exception_handler(Exception, answer_http_error)
    add_command_routes(app, registry)
    add_view_routes(app, registry)
    return app
