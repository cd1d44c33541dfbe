"""A span and the usual metrics for each request."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import Traced, request_span

Answer = Callable[[Traced], Awaitable[Response]]


class Observer:
    """Observes requests from their start to their answer."""

    def __init__(self, telemetry: Telemetry, metrics: Metrics) -> None:
        self._telemetry = telemetry
        self._metrics = metrics

    async def observed(self, request: Request, route: str, answer: Answer) -> Response:
        """The answer to `request`, which matched the template `route`; `answer` is given the request's span."""
        started = time.perf_counter()
        with request_span(self._telemetry.tracer, request.method, route, request.headers) as span:
            response = await answer(span)
            span.status(response.status_code)
        self._metrics.answered(request.method, route, response.status_code, time.perf_counter() - started)
        return response
