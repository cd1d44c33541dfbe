"""The routes of the Open Inference Protocol, beside our own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from msgspec import Struct

from penstock.runtime.http.body_slices import DOCUMENT_BYTES
from penstock.runtime.http.openapi import DocumentedRoute, Operation
from penstock.runtime.http.problems import HANG_UP, RETRY_AFTER, Problem
from penstock.runtime.http.raw_routes import RawRequest, RawResponse, encode_json, raw_problem_response, raw_route
from penstock.runtime.http.request_observer import RequestObserver
from penstock.server.scoring.predict_request import PredictRequest, check_in_slices
from penstock.server.scoring.predictor import Predictor
from penstock.server.web import operations
from penstock.server.web.body_limits import read_body
from penstock.server.web.open_inference_requests import parse_rows, refuse_first
from penstock.server.web.open_inference_responses import (
    Live,
    ModelReady,
    Ready,
    encode_infer_response,
    model_metadata,
)
from penstock.server.web.responses import event_responses
from penstock.telemetry import names
from penstock.telemetry.spans import SpanHandle

P = ParamSpec("P")
T = TypeVar("T")
Handler = Callable[[Predictor, RawRequest, SpanHandle], Awaitable[RawResponse]]

BINARY_HEADER = b"inference-header-content-length"


def open_inference_routes(predictor: Predictor, observer: RequestObserver) -> list[DocumentedRoute]:
    """All routes of the protocol, observed."""

    def route(path: str, handler: Handler, operation: Operation, method: str = "GET") -> DocumentedRoute:
        async def handle(request: RawRequest, span: SpanHandle) -> RawResponse:
            try:
                return await handler(predictor, request, span)
            except Problem as problem:
                return raw_problem_response(_with_error_member(problem))

        return raw_route(path, observer.observe(path, handle, method), operation, method)

    return [
        route("/v2/health/live", _live, operations.LIVE),
        route("/v2/health/ready", _ready, operations.READY),
        route("/v2/models/{stream}", _metadata, operations.METADATA),
        route("/v2/models/{stream}/ready", _model_ready, operations.MODEL_READY),
        route("/v2/models/{stream}/infer", _infer, operations.INFER, "POST"),
    ]


async def _live(_: Predictor, __: RawRequest, ___: SpanHandle) -> RawResponse:
    return _json(Live())


async def _ready(predictor: Predictor, _: RawRequest, __: SpanHandle) -> RawResponse:
    if not predictor.models.ready:
        raise Problem(503, "starting", "streams are still being read, or their models loaded", headers=RETRY_AFTER)
    return _json(Ready())


async def _metadata(predictor: Predictor, request: RawRequest, _: SpanHandle) -> RawResponse:
    stream = request.path_param("stream")
    declaration = predictor.batcher(stream).declared.declaration
    return _json(model_metadata(stream, declaration, predictor.serving(stream)))


async def _model_ready(predictor: Predictor, request: RawRequest, _: SpanHandle) -> RawResponse:
    stream = request.path_param("stream")
    predictor.serving(stream)
    return _json(ModelReady(stream))


async def _infer(predictor: Predictor, request: RawRequest, span: SpanHandle) -> RawResponse:
    stream = request.path_param("stream")
    span.set({names.STREAM: stream})
    if BINARY_HEADER in request.headers:
        raise Problem(415, "unsupported_media_type", "expected tensors in JSON, not in binary", headers=HANG_UP)
    batcher = predictor.batcher(stream)
    declaration = batcher.declared.declaration
    now, body = predictor.now(), await read_body(request)
    is_large = len(body) > DOCUMENT_BYTES
    parsed = await _call(is_large, parse_rows, body, declaration, now)
    refuse_first(await check_in_slices(declaration, parsed.events, now))
    result = await batcher.predict(PredictRequest(parsed.events, span.header()))
    responses = await event_responses(result)
    return RawResponse(200, await _call(is_large, encode_infer_response, stream, parsed, responses))


async def _call(in_thread: bool, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Call the function, which for a large body goes on while others have their turns."""
    if in_thread:
        return await asyncio.to_thread(function, *arguments, **options)
    return function(*arguments, **options)


def _json(content: Struct) -> RawResponse:
    return RawResponse(200, encode_json(content))


def _with_error_member(problem: Problem) -> Problem:
    """Clients of the protocol look for `error`, ours for the members of a problem."""
    more = {**problem.more, "error": str(problem)}
    return Problem(problem.status, problem.code, problem.detail, problem.field, problem.headers, more)
