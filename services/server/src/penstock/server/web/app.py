"""The app of an http child: predict, the model that serves, the Open Inference Protocol, and the BentoML service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from penstock.runtime.http.api_app import build_api
from penstock.runtime.http.error_handlers import ErrorDetails
from penstock.runtime.http.problems import Problem
from penstock.runtime.http.raw_routes import RawRequest, RawResponse, encode_json, raw_problem_response, raw_route
from penstock.runtime.http.request_observer import RequestObserver
from penstock.server.scoring.predictor import Predictor
from penstock.server.web import operations
from penstock.server.web.bento_service import mount
from penstock.server.web.body_limits import read_body
from penstock.server.web.open_inference_routes import open_inference_routes
from penstock.server.web.predict_endpoint import PredictEndpoint
from penstock.server.web.serving_model import serving_model
from penstock.telemetry import names
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import SpanHandle

PREDICT = "/v1/streams/{stream}/predict"
MODEL = "/v1/streams/{stream}/model"
PROBE_HEADER = b"penstock-probe"


def build_app(predictor: Predictor, telemetry: Telemetry, metrics: Metrics) -> FastAPI:
    """The app of an http child."""
    observer = RequestObserver(telemetry, metrics)
    endpoint = PredictEndpoint(predictor)

    async def predict(request: RawRequest, span: SpanHandle) -> RawResponse:
        return await _predict(endpoint, request, span)

    async def model(request: RawRequest, _: SpanHandle) -> RawResponse:
        return _serving_model(predictor, request.path_param("stream"))

    app = build_api(
        "Penstock server",
        "Predicts events with the model that serves their stream, by our own routes and by the Open Inference Protocol."
        " The BentoML service is mounted under `/bento`, with an OpenAPI document of its own, `/bento/docs.json`. Every"
        " problem is a JSON document as RFC 9457 has it, with a `code`.",
        predictor.code,
        ErrorDetails(
            not_found=f"expected {PREDICT}, {MODEL}, or a path below /v2 or /bento",
            method_not_allowed=f"expected POST {PREDICT}, GET {MODEL}, or as the Open Inference Protocol has it",
            internal="an error on our side; the same ids are safe to send again",
        ),
        routes=[
            raw_route(PREDICT, observer.observe(PREDICT, predict), operations.PREDICT),
            raw_route(MODEL, observer.observe(MODEL, model, "GET"), operations.MODEL, "GET"),
            *open_inference_routes(predictor, observer),
        ],
        lifespan=partial(_drain_at_end, predictor),
        metrics=metrics,
    )
    mount(app, predictor)
    return app


@asynccontextmanager
async def _drain_at_end(predictor: Predictor, _: FastAPI) -> AsyncIterator[None]:
    """Once the last request is answered, wait for the log to confirm what was answered in fast mode."""
    yield
    await predictor.log.drain()


async def _predict(endpoint: PredictEndpoint, request: RawRequest, span: SpanHandle) -> RawResponse:
    stream = request.path_param("stream")
    span.set({names.STREAM: stream})
    try:
        body = await read_body(request)
        is_probe = request.headers.get(PROBE_HEADER) == b"1"
        response = await endpoint.predict(stream, body, is_probe=is_probe, traceparent=span.header())
        return RawResponse(200, await response.to_json())
    except Problem as problem:
        return raw_problem_response(problem)


def _serving_model(predictor: Predictor, stream: str) -> RawResponse:
    try:
        return RawResponse(200, encode_json(serving_model(stream, predictor.serving(stream))))
    except Problem as problem:
        return raw_problem_response(problem)
