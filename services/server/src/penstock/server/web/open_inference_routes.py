"""The routes of the Open Inference Protocol, beside our own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from msgspec import Struct

from penstock.runtime.http.body_slices import DOCUMENT_BYTES
from penstock.runtime.http.openapi import DocumentedRoute, Operation
from penstock.runtime.http.problems import RETRY_AFTER, Problem
from penstock.runtime.http.raw_routes import RawRequest, RawResponse, encode_json, raw_problem_response, raw_route
from penstock.runtime.http.request_observer import RequestObserver
from penstock.server.models.serving_models import ServingModels
from penstock.server.scoring.predict_request import PredictRequest, check_in_slices
from penstock.server.scoring.predictor import Predictor
from penstock.server.web import operations
from penstock.server.web.body_limits import read_tensors
from penstock.server.web.open_inference_requests import parse_rows, refuse_first
from penstock.server.web.open_inference_responses import (
    Live,
    ModelReady,
    Ready,
    ServerMetadata,
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
BINARY = "binary_tensor_data"
MOST_DIGITS = 12

VERSION_PARAM = "version"
VERSION = f"/v2/models/{{stream}}/versions/{{{VERSION_PARAM}}}"


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
        route("/v2", _server, operations.SERVER),
        route("/v2/health/live", _live, operations.LIVE),
        route("/v2/health/ready", _ready, operations.READY),
        route("/v2/models/{stream}", _metadata, operations.METADATA),
        route("/v2/models/{stream}/ready", _model_ready, operations.MODEL_READY),
        route("/v2/models/{stream}/infer", _infer, operations.INFER, "POST"),
        route(f"{VERSION}", _metadata, operations.of_version(operations.METADATA)),
        route(f"{VERSION}/ready", _model_ready, operations.of_version(operations.MODEL_READY)),
        route(f"{VERSION}/infer", _infer, operations.of_version(operations.INFER), "POST"),
    ]


async def _server(predictor: Predictor, _: RawRequest, __: SpanHandle) -> RawResponse:
    return _json(ServerMetadata("penstock", predictor.code, [BINARY]))


async def _live(_: Predictor, __: RawRequest, ___: SpanHandle) -> RawResponse:
    return _json(Live())


async def _ready(predictor: Predictor, _: RawRequest, __: SpanHandle) -> RawResponse:
    if not predictor.models.ready:
        raise Problem(503, "starting", "streams are still being read, or their models loaded", headers=RETRY_AFTER)
    return _json(Ready())


async def _metadata(predictor: Predictor, request: RawRequest, _: SpanHandle) -> RawResponse:
    stream = request.path_param("stream")
    declaration = predictor.batcher(stream).declared.declaration
    return _json(model_metadata(stream, declaration, _serving(predictor, request)))


async def _model_ready(predictor: Predictor, request: RawRequest, _: SpanHandle) -> RawResponse:
    _serving(predictor, request)
    return _json(ModelReady(request.path_param("stream")))


async def _infer(predictor: Predictor, request: RawRequest, span: SpanHandle) -> RawResponse:
    stream = request.path_param("stream")
    span.set({names.STREAM: stream})
    batcher = predictor.batcher(stream)
    if VERSION_PARAM in request.scope["path_params"]:
        _require_unsplit(_serving(predictor, request))
    declaration = batcher.declared.declaration
    now, body = predictor.now(), await read_tensors(request)
    is_large = len(body) > DOCUMENT_BYTES
    parsed = await _call(is_large, parse_rows, body, _json_bytes(request, body), declaration, now)
    refuse_first(await check_in_slices(declaration, parsed.events, now))
    result = await batcher.predict(PredictRequest(parsed.events, span.header()))
    responses = await event_responses(result)
    document, binary = await _call(is_large, encode_infer_response, stream, parsed, responses)
    if not binary:
        return RawResponse(200, document)
    return RawResponse(
        200, document + binary, operations.OCTETS.encode(), [(BINARY_HEADER, str(len(document)).encode())]
    )


def _serving(predictor: Predictor, request: RawRequest) -> ServingModels:
    """The models that serve; of a version that a path names, only if it is the champion.

    Raises:
        Problem: none serves, or another than the path names.
    """
    stream = request.path_param("stream")
    serving = predictor.serving(stream)
    named, champion = request.scope["path_params"].get(VERSION_PARAM), str(serving.champion.version.version)
    if named not in (None, champion):
        raise Problem(404, "unknown_version", f"version {champion} serves {stream}, and no other is loaded")
    return serving


def _require_unsplit(serving: ServingModels) -> None:
    """Refuse a version by name while a rollout draws who answers.

    Raises:
        Problem: it does.
    """
    if serving.rollout is not None and serving.rollout.mode != "shadow":
        detail = f"a {serving.rollout.mode} draws which version answers: ask without a version"
        raise Problem(409, "split_traffic", detail)


def _json_bytes(request: RawRequest, body: bytes) -> int:
    """How many bytes of the body are JSON: all, unless the header of the binary extension says otherwise.

    Raises:
        Problem: the header is no such number.
    """
    text = request.header(BINARY_HEADER, str(len(body)))
    if not (text.isascii() and text.isdigit() and len(text) < MOST_DIGITS and int(text) <= len(body)):
        detail = f"expected the bytes of JSON in Inference-Header-Content-Length, 0 to {len(body)}"
        raise Problem(400, "malformed", detail)
    return int(text)


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
