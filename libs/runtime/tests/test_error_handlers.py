"""What an exception becomes over HTTP is the same problem in every service."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.runtime.http.error_handlers import ErrorDetails, install_error_handlers
from penstock.runtime.http.problems import MEDIA_TYPE, RETRY_AFTER, Problem
from penstock.telemetry.metrics import Metrics


async def succeed(_: Request) -> Response:
    return Response()


async def raise_bug(_: Request) -> Response:
    raise ZeroDivisionError("canary")


async def raise_problem(_: Request) -> Response:
    raise Problem(503, "starting", "not yet", headers=RETRY_AFTER)


async def raise_http_error(_: Request) -> Response:
    raise HTTPException(400, "canary")


ROUTES = [
    Route("/items/{id}", succeed, methods=["GET"]),
    Route("/items/{id}", succeed, methods=["PUT"]),
    Route("/bug", raise_bug),
    Route("/problem", raise_problem),
    Route("/http-error", raise_http_error),
]


@pytest.fixture(params=[Starlette, FastAPI])
def app(request: pytest.FixtureRequest) -> Starlette:
    make: Callable[[], Starlette] = request.param
    app = make()
    app.router.routes += ROUTES
    return app


async def send(app: Starlette, method: str, path: str, metrics: Metrics | None = None) -> httpx.Response:
    install_error_handlers(app, ErrorDetails("expected /items/ID", "expected GET", "try again"), metrics)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, path)


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "detail"),
    [
        ("GET", "/nowhere", 404, "not_found", "expected /items/ID"),
        ("DELETE", "/items/1", 405, "method_not_allowed", "expected GET"),
        ("GET", "/bug", 500, "internal", "try again"),
        ("GET", "/problem", 503, "starting", "not yet"),
        ("GET", "/http-error", 400, "bad_request", "the request cannot be served"),
    ],
)
async def test_an_error_is_a_problem(
    app: Starlette, method: str, path: str, status: int, code: str, detail: str
) -> None:
    response = await send(app, method, path)
    assert (response.status_code, response.headers["content-type"]) == (status, MEDIA_TYPE)
    assert (response.json()["code"], response.json()["detail"]) == (code, detail)


async def test_a_405_names_the_methods_of_all_routes_of_the_path(app: Starlette) -> None:
    assert (await send(app, "DELETE", "/items/1")).headers["allow"] == "GET, HEAD, PUT"


async def test_the_headers_of_a_problem_are_sent(app: Starlette) -> None:
    assert (await send(app, "GET", "/problem")).headers["retry-after"] == RETRY_AFTER["Retry-After"]


async def test_requests_that_no_route_takes_are_counted(app: Starlette) -> None:
    metrics = Metrics()
    await send(app, "GET", "/nowhere", metrics)
    assert b'route="unmatched"' in metrics.exposition()[0]
