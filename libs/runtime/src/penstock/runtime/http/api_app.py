"""A service's FastAPI app: its routes, their OpenAPI document, and `/docs`, which needs no network; `/` leads there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import Lifespan

from penstock.runtime.http.error_handlers import ErrorDetails, install_error_handlers
from penstock.runtime.http.openapi import COMPONENTS, DocumentedRoute
from penstock.runtime.http.problems import ProblemBody
from penstock.runtime.http.raw_routes import RawRoutes
from penstock.telemetry.metrics import Metrics


def build_api(
    title: str,
    description: str,
    version: str,
    errors: ErrorDetails,
    *,
    routes: Sequence[DocumentedRoute] = (),
    lifespan: Lifespan[FastAPI] | None = None,
    redirect_slashes: bool = False,
    metrics: Metrics | None = None,
) -> FastAPI:
    """An app with these routes, which come before those of the documentation.

    FastAPI documents its own routes; `routes` are added to the document as their operations describe them. With
    `metrics`, requests that no route takes are counted.
    """
    app = FastAPIOffline(
        title=title,
        description=description,
        version=version,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=redirect_slashes,
        swagger_ui_parameters={"validatorUrl": None},  # the page would ask a host outside
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the request observer does that
    )
    app.router.routes[:0] = routes
    app.add_middleware(RawRoutes, routes=routes)
    app.router.add_route("/", _documentation, include_in_schema=False)
    install_error_handlers(app, errors, metrics)
    fastapi_document = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_documented_routes(fastapi_document(), app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
    return app


async def _documentation(_: Request) -> RedirectResponse:
    return RedirectResponse("docs")  # relative, so that it holds behind a proxy's prefix too


def _with_documented_routes(document: dict[str, Any], app: FastAPI) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas |= msgspec.json.schema_components([ProblemBody], ref_template=COMPONENTS + "{name}")[1]
    for route in app.routes:
        if isinstance(route, DocumentedRoute):
            operation = route.operation.to_openapi(route.path, route.method, schemas)
            document["paths"].setdefault(route.path, {})[route.method.lower()] = operation
    return document
