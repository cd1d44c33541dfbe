"""A span and the usual metrics for each request."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from penstock.runtime.http.raw_routes import Answer, RawRequest, RawResponse
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.names import TRACEPARENT
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import SpanHandle, drawn_request_span

_TRACEPARENT = TRACEPARENT.encode()


class RequestObserver:
    """Observes requests from their start to their answer."""

    def __init__(self, telemetry: Telemetry, metrics: Metrics) -> None:
        self._telemetry = telemetry
        self._metrics = metrics

    def observed(
        self, route: str, answer: Callable[[RawRequest, SpanHandle], Awaitable[RawResponse]], method: str = "POST"
    ) -> Answer:
        """`answer`, given each request's span, for requests that match the template `route`."""

        async def observing(asked: RawRequest) -> RawResponse:
            started = time.perf_counter()
            with drawn_request_span(self._telemetry, method, route, asked.headers.get(_TRACEPARENT)) as span:
                said = await answer(asked, span)
                span.status(said.status)
            self._metrics.answered(method, route, said.status, time.perf_counter() - started)
            return said

        return observing
