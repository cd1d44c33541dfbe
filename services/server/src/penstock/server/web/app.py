"""The app of an http child: predict, the model that serves, the Open Inference Protocol, and the BentoML service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from penstock.contracts.records.models import RolloutStep
from penstock.runtime.http.problems import Problem, problem_response
from penstock.runtime.http.raw_routes import RawRequest, RawResponse, encode_json, raw_problem_response, raw_route
from penstock.runtime.http.request_observer import RequestObserver
from penstock.server.scoring.predictor import Predictor
from penstock.server.web.bento_service import mount
from penstock.server.web.body_limits import read_body
from penstock.server.web.open_inference_routes import open_inference_routes
from penstock.server.web.predict_endpoint import PredictEndpoint
from penstock.server.web.responses import model_facts
from penstock.telemetry import names
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import SpanHandle

PREDICT = "/v1/streams/{stream}/predict"
MODEL = "/v1/streams/{stream}/model"
PROBE_HEADER = b"penstock-probe"


def build_app(predictor: Predictor, telemetry: Telemetry, metrics: Metrics) -> FastAPI:
    """The app of an http child."""
    app = FastAPI(
        title="Penstock server",
        lifespan=partial(_drain_at_end, predictor),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the observer sees to that
    )
    observer = RequestObserver(telemetry, metrics)
    endpoint = PredictEndpoint(predictor)

    async def predict(request: RawRequest, span: SpanHandle) -> RawResponse:
        return await _predict(endpoint, request, span)

    async def model(request: RawRequest, _: SpanHandle) -> RawResponse:
        return _serving_model(predictor, request.path_param("stream"))

    app.router.routes.append(raw_route(PREDICT, observer.observe(PREDICT, predict)))
    app.router.routes.append(raw_route(MODEL, observer.observe(MODEL, model, "GET"), "GET"))
    app.router.routes += open_inference_routes(predictor, observer)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(Exception, _internal_error)
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
        return RawResponse(200, response.to_json())
    except Problem as problem:
        return raw_problem_response(problem)


def _serving_model(predictor: Predictor, stream: str) -> RawResponse:
    try:
        serving = predictor.serving(stream)
    except Problem as problem:
        return raw_problem_response(problem)
    body = {
        "stream": stream,
        "epoch": serving.epoch,
        "reason": serving.record.reason,
        "since": serving.record.time,
        "model": model_facts(serving.champion),
        "classes": serving.champion.model.classes,
        "trial": _rollout_facts(serving.rollout),
    }
    return RawResponse(200, encode_json(body))


def _rollout_facts(rollout: RolloutStep | None) -> dict[str, Any] | None:
    if rollout is None:
        return None
    shares = {challenger.model.version: challenger.share for challenger in rollout.challengers}
    return {"mode": rollout.mode, "step": rollout.step, "shares": shares}


async def _no_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, detail = _NO_ROUTE.get(error.status_code, ("refused", "the request cannot be served"))
    return problem_response(Problem(error.status_code, code, detail, headers=error.headers or {}))


_NO_ROUTE = {
    404: ("not_found", f"expected {PREDICT}, {MODEL}, or a path below /v2 or /bento"),
    405: ("method_not_allowed", f"expected POST {PREDICT}, GET {MODEL}, or as the Open Inference Protocol has it"),
}


async def _internal_error(_: Request, __: Exception) -> Response:
    return problem_response(Problem(500, "internal", "an error on our side; the same ids are safe to send again"))
