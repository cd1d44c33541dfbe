"""A span, which log lines name, and the usual metrics for each request."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from penstock.runtime.http.raw_routes import RawHandler, RawRequest, RawResponse
from penstock.telemetry.logs import log_trace_of_request
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.names import TRACEPARENT
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import SpanHandle, request_span

_TRACEPARENT = TRACEPARENT.encode()


class RequestObserver:
    """Observes requests from their start to their response."""

    def __init__(self, telemetry: Telemetry, metrics: Metrics) -> None:
        self._telemetry = telemetry
        self._metrics = metrics

    def observe(
        self, route: str, handler: Callable[[RawRequest, SpanHandle], Awaitable[RawResponse]], method: str = "POST"
    ) -> RawHandler:
        """`handler` with a span and metrics, for requests that match the template `route`; it is given the span."""

        async def observed_handler(request: RawRequest) -> RawResponse:
            started = time.perf_counter()
            with request_span(self._telemetry, method, route, request.headers.get(_TRACEPARENT)) as span:
                log_trace_of_request(span.header())
                response = await handler(request, span)
                span.status(response.status)
            self._metrics.observe_request(method, route, response.status, time.perf_counter() - started)
            return response

        return observed_handler
