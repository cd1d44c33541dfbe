"""The routes of the Open Inference Protocol, beside our own."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.routing import Route

from penstock.runtime.http.problems import HANG_UP, RETRY_AFTER, Problem
from penstock.runtime.http.raw_routes import RawRequest, RawResponse, encode_json, raw_problem_response, raw_route
from penstock.runtime.http.request_observer import RequestObserver
from penstock.server.scoring.predictor import Desk
from penstock.server.web.open_inference import events_in, expect_none, metadata, read_request, response
from penstock.server.web.request_body import read_body
from penstock.telemetry import names
from penstock.telemetry.spans import SpanHandle

Answer = Callable[[Desk, RawRequest, SpanHandle], Awaitable[RawResponse]]

BINARY = b"inference-header-content-length"


def inference_routes(desk: Desk, observer: RequestObserver) -> list[Route]:
    """All of them, observed."""

    def route(path: str, answer: Answer, method: str = "GET") -> Route:
        async def answering(asked: RawRequest, span: SpanHandle) -> RawResponse:
            try:
                return await answer(desk, asked, span)
            except Problem as problem:
                return raw_problem_response(_as_the_protocol_says(problem))

        return raw_route(path, observer.observed(path, answering, method), method)

    return [
        route("/v2/health/live", _live),
        route("/v2/health/ready", _ready),
        route("/v2/models/{stream}", _metadata),
        route("/v2/models/{stream}/ready", _model_ready),
        route("/v2/models/{stream}/infer", _infer, "POST"),
    ]


async def _live(_: Desk, __: RawRequest, ___: SpanHandle) -> RawResponse:
    return _json({"live": True})


async def _ready(desk: Desk, _: RawRequest, __: SpanHandle) -> RawResponse:
    if not desk.models.caught_up:
        raise Problem(503, "starting", "the declared streams are still being read", headers=RETRY_AFTER)
    return _json({"ready": True})


async def _metadata(desk: Desk, asked: RawRequest, _: SpanHandle) -> RawResponse:
    stream = asked.part("stream")
    return _json(metadata(stream, desk.counter(stream).declared.declaration, desk.serving(stream)))


async def _model_ready(desk: Desk, asked: RawRequest, _: SpanHandle) -> RawResponse:
    stream = asked.part("stream")
    desk.serving(stream)
    return _json({"name": stream, "ready": True})


async def _infer(desk: Desk, asked: RawRequest, span: SpanHandle) -> RawResponse:
    stream = asked.part("stream")
    span.set({names.STREAM: stream})
    if BINARY in asked.headers:
        raise Problem(415, "unsupported_media_type", "expected tensors in JSON, not in binary", headers=HANG_UP)
    counter = desk.counter(stream)
    request = read_request(await read_body(asked))
    request_id = request.id or str(uuid.uuid4())
    events = events_in(request, request_id, counter.declared.declaration, desk.now())
    expect_none(counter.refusals(events))
    answers = await desk.answers(counter, events, span.header())
    return _json(response(stream, request, request_id, answers))


def _json(content: Any) -> RawResponse:
    return RawResponse(200, encode_json(content))


def _as_the_protocol_says(problem: Problem) -> Problem:
    """Its clients look for `error`, ours for the members of a problem."""
    more = {**problem.more, "error": str(problem)}
    return Problem(problem.status, problem.code, problem.detail, problem.field, problem.headers, more)
