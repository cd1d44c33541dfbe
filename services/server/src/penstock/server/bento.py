"""The BentoML service: mounted inside the http child, run by `bentoml serve`, built into a Bento.

Its routes, health and metrics are BentoML's own; what answers is the same desk as behind our own routes.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

import bentoml
import msgspec
from bentoml.exceptions import BentoMLException, InvalidArgument, NotFound, ServiceUnavailable
from starlette.applications import Starlette

from penstock.runtime.http.problems import Problem
from penstock.server.scoring.predictor import Desk
from penstock.server.standalone import desk_alone

NAME = "penstock-server"
PATH = "/bento"

OpenDesk = Callable[[], AbstractAsyncContextManager[Desk]]


def bento_service(open_desk: OpenDesk) -> Any:
    """A BentoML service over the desk that `open_desk` gives it for as long as it runs."""

    @bentoml.service(name=NAME, logging={"access": {"enabled": False}}, metrics={"enabled": False})
    class Predictor:
        """Answers events with the model that serves their stream."""

        def __init__(self) -> None:
            self._held = AsyncExitStack()

        @bentoml.on_startup  # type: ignore[untyped-decorator]
        async def open(self) -> None:
            """Take the desk."""
            self._desk = await self._held.enter_async_context(open_desk())

        @bentoml.on_shutdown  # type: ignore[untyped-decorator]
        async def close(self) -> None:
            """Let the desk go."""
            await self._held.aclose()

        @bentoml.api  # type: ignore[untyped-decorator]
        async def predict(self, stream: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
            """The answer to each event of a stream, or why it is refused, in order."""
            try:
                reply = await self._desk.predict(stream, json.dumps(events).encode())
            except Problem as problem:
                raise _as_bentoml(problem) from problem
            answers: list[dict[str, Any]] = msgspec.to_builtins(reply.body())
            return answers

    return Predictor


def mount(app: Starlette, desk: Desk) -> None:
    """Put the service under `/bento` of `app`, which starts and stops it with itself."""

    @asynccontextmanager
    async def given() -> AsyncIterator[Desk]:
        yield desk

    inner = bento_service(given).to_asgi()
    outer = app.router.lifespan_context

    @asynccontextmanager
    async def both(running: Any) -> AsyncIterator[Any]:
        async with outer(running) as state, inner.router.lifespan_context(inner):
            yield state

    app.router.lifespan_context = both
    app.mount(PATH, inner)


def _as_bentoml(problem: Problem) -> BentoMLException:
    kind = {404: NotFound, 503: ServiceUnavailable}.get(problem.status, InvalidArgument)
    return kind(str(problem))


service = bento_service(desk_alone)
