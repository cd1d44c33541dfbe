"""What the OpenAPI document of every service must hold, and what requests made from it have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx
import schemathesis
from fastapi import FastAPI
from hypothesis import strategies as st
from starlette.routing import Route

from penstock.runtime.health import Health
from penstock.telemetry.metrics import Metrics

past = st.datetimes(datetime(1900, 1, 2), datetime(2020, 1, 1)).map(lambda time: time.isoformat() + "Z")
schemathesis.openapi.format("date-time", past)  # for all documents alike: there is one registry of formats

DOCUMENTATION = {"/", "/docs", "/docs/oauth2-redirect", "/openapi.json"}


def with_health_routes(app: Any) -> FastAPI:
    """A service's app with the routes that the runtime adds."""
    assert isinstance(app, FastAPI)
    health = Health("service", dict, Metrics())
    health.started = True
    app.router.routes[:0] = health.routes()
    return app


def check_document(app: FastAPI) -> None:
    """The document lists the operations of all routes and no other, and it is valid."""
    document = app.openapi()
    documented = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    routes = {
        (route.path, method)
        for route in app.routes
        if isinstance(route, Route) and route.path not in DOCUMENTATION
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert documented == routes
    schemathesis.openapi.from_dict(document).validate()


async def check_documentation_page(app: FastAPI) -> None:
    """`/docs` names no other host, and what it loads is there."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        page = (await client.get("/docs")).text
        sources = re.findall(r'(?:src|href)="([^"]+)"', page)
        responses = [await client.get(source) for source in sources]
    assert re.findall(r"https?://", page) == []
    assert [response.status_code for response in responses] == [200] * 3, "a script, a style sheet and an icon"


def restrict_parameters(document: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]]) -> None:
    """Add `schemas`, by name, to the schemas of the document's parameters."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                parameter["schema"] |= schemas.get(parameter["name"], {})


def without_integral_floats(body: Any) -> Any:
    """A body with 1 in place of 1.0, which is an integer to JSON Schema and none to a strict decoder."""
    if isinstance(body, dict):
        return {name: without_integral_floats(value) for name, value in body.items()}
    if isinstance(body, list):
        return [without_integral_floats(item) for item in body]
    return int(body) if isinstance(body, float) and body.is_integer() else body
