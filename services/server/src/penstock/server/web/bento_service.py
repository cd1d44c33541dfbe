"""The BentoML service: mounted inside the http child, run by `bentoml serve`, built into a Bento.

Its routes, health and metrics are BentoML's own; predictions come from the same endpoint as those of our own route.
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
from penstock.server.scoring.predictor import Predictor
from penstock.server.web.predict_endpoint import PredictEndpoint

NAME = "penstock-server"
PATH = "/bento"

OpenPredictor = Callable[[], AbstractAsyncContextManager[Predictor]]


def bento_service(open_predictor: OpenPredictor) -> Any:
    """A BentoML service over the predictor that `open_predictor` holds open for as long as the service runs."""

    @bentoml.service(name=NAME, logging={"access": {"enabled": False}}, metrics={"enabled": False})
    class PredictService:
        """Predicts events with the model that serves their stream."""

        def __init__(self) -> None:
            self._exit_stack = AsyncExitStack()

        @bentoml.on_startup  # type: ignore[untyped-decorator]
        async def open(self) -> None:
            """Open the predictor."""
            self._endpoint = PredictEndpoint(await self._exit_stack.enter_async_context(open_predictor()))

        @bentoml.on_shutdown  # type: ignore[untyped-decorator]
        async def close(self) -> None:
            """Close the predictor."""
            await self._exit_stack.aclose()

        @bentoml.api  # type: ignore[untyped-decorator]
        async def predict(self, stream: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
            """The prediction of each event of a stream, or why it is refused, in order."""
            try:
                response = await self._endpoint.predict(stream, json.dumps(events).encode())
            except Problem as problem:
                raise _bentoml_exception(problem) from problem
            results: list[dict[str, Any]] = msgspec.to_builtins(response.body())
            return results

    return PredictService


def mount(app: Starlette, predictor: Predictor) -> None:
    """Put the service under `/bento` of `app`, which starts and stops it together with itself."""

    @asynccontextmanager
    async def open_predictor() -> AsyncIterator[Predictor]:
        yield predictor

    service = bento_service(open_predictor).to_asgi()
    app_lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def both_lifespans(outer: Any) -> AsyncIterator[Any]:
        async with app_lifespan(outer) as state, service.router.lifespan_context(service):
            yield state

    app.router.lifespan_context = both_lifespans
    app.mount(PATH, service)


def _bentoml_exception(problem: Problem) -> BentoMLException:
    exception = {404: NotFound, 503: ServiceUnavailable}.get(problem.status, InvalidArgument)
    return exception(str(problem))
