"""Routes that see a request as it came: what a framework does for each request costs more than answering it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from penstock.runtime.http.problems import MEDIA_TYPE, Problem

JSON = b"application/json"


class RawRequest(NamedTuple):
    """A request whose body is not read yet. Header names are in lower case; of equal ones the first counts."""

    scope: Scope
    receive: Receive
    headers: Mapping[bytes, bytes]

    def header(self, name: bytes, otherwise: str = "") -> str:
        """A header as text."""
        value = self.headers.get(name)
        return otherwise if value is None else value.decode("latin-1")

    def part(self, name: str) -> str:
        """What stands in the path in the place of `{name}`."""
        value: str = self.scope["path_params"][name]
        return value


class RawResponse(NamedTuple):
    """An answer, whole."""

    status: int
    body: bytes
    media_type: bytes = JSON
    headers: Sequence[tuple[bytes, bytes]] = ()


Answer = Callable[[RawRequest], Awaitable[RawResponse]]

encode_json = msgspec.json.Encoder().encode


def raw_route(path: str, answer: Answer, method: str = "POST") -> Route:
    """A route of a FastAPI or Starlette app; `answer` raises no `Problem`, it tells it."""
    return Route(path, _Endpoint(answer), methods=[method])


def raw_problem_response(problem: Problem) -> RawResponse:
    """The answer that tells of a problem."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in problem.headers.items()]
    return RawResponse(problem.status, encode_json(problem.body()), MEDIA_TYPE.encode(), headers)


class _Endpoint:
    """An ASGI application: Starlette leaves those as they are, and wraps functions."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        said = await self._answer(RawRequest(scope, receive, dict(reversed(scope["headers"]))))
        await send(_start(said))
        await send({"type": "http.response.body", "body": said.body})


def _start(said: RawResponse) -> dict[str, Any]:
    length = str(len(said.body)).encode()
    headers = [(b"content-length", length), (b"content-type", said.media_type), *said.headers]
    return {"type": "http.response.start", "status": said.status, "headers": headers}
