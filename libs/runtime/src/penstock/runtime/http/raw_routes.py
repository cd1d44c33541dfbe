"""Routes that see a request as it came: what a framework does for each request costs more than answering it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from penstock.runtime.http.openapi import DocumentedRoute, Operation
from penstock.runtime.http.problems import MEDIA_TYPE, Problem

JSON = b"application/json"


class RawRequest(NamedTuple):
    """A request whose body is not read yet. Header names are in lower case; of equal ones the first counts."""

    scope: Scope
    receive: Receive
    headers: Mapping[bytes, bytes]

    def header(self, name: bytes, default: str = "") -> str:
        """A header as text."""
        value = self.headers.get(name)
        return default if value is None else value.decode("latin-1")

    def path_param(self, name: str) -> str:
        """The part of the path that the route's template calls `{name}`."""
        value: str = self.scope["path_params"][name]
        return value


class RawResponse(NamedTuple):
    """A whole response: status, body and headers."""

    status: int
    body: bytes
    media_type: bytes = JSON
    headers: Sequence[tuple[bytes, bytes]] = ()


RawHandler = Callable[[RawRequest], Awaitable[RawResponse]]

encode_json = msgspec.json.Encoder().encode


def raw_route(path: str, handler: RawHandler, operation: Operation, method: str = "POST") -> DocumentedRoute:
    """A route of a FastAPI app, described by `operation`.

    `handler` returns a `Problem` as a response and never raises it.
    """
    return DocumentedRoute(path, _Endpoint(handler), operation, method)


def raw_problem_response(problem: Problem) -> RawResponse:
    """A problem as a response."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in problem.headers.items()]
    return RawResponse(problem.status, encode_json(problem.body()), MEDIA_TYPE.encode(), headers)


class RawRoutes:
    """Middleware that answers requests for the raw ones of these routes, and passes on all others.

    The framework's layers inside of it cost as much as an answer; those outside still answer unexpected errors.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[DocumentedRoute]) -> None:
        self._app = app
        self._routes = [route for route in routes if isinstance(route.endpoint, _Endpoint)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            for route in self._routes:
                match, route_scope = route.matches(scope)
                if match is Match.FULL:
                    scope.update(route_scope)
                    await route.endpoint(scope, receive, send)
                    return
        await self._app(scope, receive, send)


class _Endpoint:
    """An ASGI application: Starlette leaves those as they are, and wraps functions."""

    def __init__(self, handler: RawHandler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._handler(RawRequest(scope, receive, dict(reversed(scope["headers"]))))
        await send(_response_start(response))
        await send({"type": "http.response.body", "body": response.body})


def _response_start(response: RawResponse) -> dict[str, Any]:
    length = str(len(response.body)).encode()
    headers = [(b"content-length", length), (b"content-type", response.media_type), *response.headers]
    return {"type": "http.response.start", "status": response.status, "headers": headers}
