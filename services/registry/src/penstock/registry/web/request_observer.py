"""A span, which log lines name, and metrics for each request."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from penstock.registry.web.problems import response_to_error
from penstock.telemetry.logs import log_trace_of_request
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.names import TRACEPARENT
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import request_span

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


def observed_route(telemetry: Telemetry, metrics: Metrics) -> type[APIRoute]:
    """A route class that records a span and metrics for each request, problems included.

    It sets `request.state.traceparent`, the trace that records written for the request belong to; None when the
    request is not sampled.
    """

    class ObservedRoute(APIRoute):
        def get_route_handler(self) -> Handle:
            handle, template = super().get_route_handler(), self.path

            async def observed(request: Request) -> Response:
                started = time.perf_counter()
                with request_span(telemetry, request.method, template, _traceparent(request)) as span:
                    header = span.header()
                    log_trace_of_request(header)
                    request.state.traceparent = header.decode() if header else None
                    response = await _respond(handle, request)
                    span.status(response.status_code)
                metrics.observe_request(request.method, template, response.status_code, time.perf_counter() - started)
                return response

            return observed

    return ObservedRoute


def _traceparent(request: Request) -> bytes | None:
    header = request.headers.get(TRACEPARENT)
    return None if header is None else header.encode("latin-1", "replace")


async def _respond(handle: Handle, request: Request) -> Response:
    try:
        return await handle(request)
    except Exception as error:
        response = response_to_error(error)
        if response is None:
            raise
        return response
