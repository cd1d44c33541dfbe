"""What an exception becomes over HTTP, in every service: a problem (RFC 9457), never a page of the framework's."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from penstock.runtime.http.problems import Problem, problem_response
from penstock.telemetry.metrics import Metrics

UNMATCHED = "unmatched"
"""The route under which requests that no route takes are counted."""


@dataclass(frozen=True)
class ErrorDetails:
    """The details of the problems where no route matched (404), the method is wrong (405) or a handler failed (500)."""

    not_found: str
    method_not_allowed: str
    internal: str


def install_error_handlers(app: Starlette, details: ErrorDetails, metrics: Metrics | None = None) -> None:
    """Answer with a problem where no route matched, the method is wrong or a handler failed.

    With `metrics`, requests that no route takes are counted. A `Problem` that a handler raises is answered as it is.
    The code of an unexpected error is `internal`; a 405 names the methods of the path in `Allow`, as RFC 9110 asks.
    """
    detail_of = {404: details.not_found, 405: details.method_not_allowed}

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = error.status_code
        if metrics is not None:
            metrics.observe_request(request.method, UNMATCHED, status, 0.0)
        headers = dict(error.headers or {})
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(allowed_methods(app, request.scope))
        detail = detail_of.get(status, "the request cannot be served")
        return problem_response(Problem(status, _code_of(status), detail, headers=headers))

    async def on_problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return problem_response(error)

    async def on_unexpected_error(_: Request, __: Exception) -> Response:
        return problem_response(Problem(500, "internal", details.internal))

    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(Exception, on_unexpected_error)


def allowed_methods(app: Starlette, scope: Scope) -> list[str]:
    """The methods that the path of a request takes, of all routes that match it."""
    routes = [route for route in app.router.routes if route.matches(scope)[0] is not Match.NONE]
    return sorted({method for route in routes for method in getattr(route, "methods", None) or ()})


def _code_of(status: int) -> str:
    return HTTPStatus(status).phrase.lower().replace(" ", "_")
