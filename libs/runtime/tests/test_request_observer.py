"""Log lines of a traced request bear the ids of its span: the handler's, its threads', and the server's own."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from penstock.runtime.http.limited_protocol import LimitedProtocol, Traffic
from penstock.runtime.http.openapi import Operation
from penstock.runtime.http.raw_routes import RawRequest, RawResponse, raw_route
from penstock.runtime.http.request_limits import RequestLimits
from penstock.runtime.http.request_observer import RequestObserver
from penstock.telemetry import memory_telemetry
from penstock.telemetry.logs import start_logging
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.spans import SpanHandle

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SAMPLED = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
log = logging.getLogger("tests.handler")


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    monkeypatch.setattr(logging.getLogger("uvicorn.access"), "propagate", True)  # a server without one ends it for all
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    lines = io.StringIO()
    start_logging("server", log_format="json", stream=lines)
    yield lines
    root.handlers[:] = handlers
    root.setLevel(level)


def lines_of(output: io.StringIO, text: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, output.getvalue().splitlines()) if text in line["message"]]


class Handler:
    """Writes a line, another in a thread, a third in a task that it shares with other requests; or fails."""

    def __init__(self) -> None:
        self.shared: list[asyncio.Task[None]] = []

    async def __call__(self, request: RawRequest, _: SpanHandle) -> RawResponse:
        if request.headers.get(b"fail"):
            raise ZeroDivisionError("a bug")
        log.info("in the handler")
        await asyncio.to_thread(log.info, "in a thread")
        self.shared.append(asyncio.create_task(self._write_for_many()))
        await self.shared[-1]
        return RawResponse(200, b"{}")

    async def _write_for_many(self) -> None:
        log.info("for many")


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[httpx.AsyncClient, Any]]:
    """A real server of the handler, and the spans of its requests."""
    telemetry, spans = memory_telemetry()
    handler = RequestObserver(telemetry, Metrics()).observe("/work", Handler())
    limits = RequestLimits()
    http: Any = partial(LimitedProtocol, Traffic(limits, limits.connections))
    app = Starlette(routes=[raw_route("/work", handler, Operation("work", "Work", "works", {}))])
    process = uvicorn.Server(uvicorn.Config(app, port=0, http=http, log_config=None, lifespan="off"))
    task = asyncio.create_task(process.serve())
    while not process.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0)
    port = process.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            yield client, spans
    finally:
        process.should_exit = True
        await task


async def test_lines_of_a_request_bear_the_ids_of_its_span(output: io.StringIO) -> None:
    async with serving() as (client, spans):
        await client.post("/work", headers=SAMPLED)
        await client.post("/work")
    (span,) = spans.get_finished_spans()
    for text in ("in the handler", "in a thread"):
        traced, untraced = lines_of(output, text)
        assert (traced["trace"]["id"], traced["span"]["id"]) == (TRACE, f"{span.context.span_id:016x}")
        assert "trace" not in untraced
    assert all("trace" not in line for line in lines_of(output, "for many"))


async def test_the_traceback_of_an_unexpected_error_and_the_access_line_bear_them_too(output: io.StringIO) -> None:
    async with serving() as (client, _):
        assert (await client.post("/work", headers={**SAMPLED, "fail": "1"})).status_code == 500
        await client.post("/work")
    (error,) = lines_of(output, "Exception in ASGI application")
    assert error["error"]["type"] == "ZeroDivisionError"
    assert error["trace"]["id"] == TRACE
    traced, untraced = lines_of(output, "POST /work")
    assert traced["trace"]["id"] == TRACE
    assert "trace" not in untraced
