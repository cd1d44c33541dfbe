"""The HTTP face: predict, which model answers, and the BentoML service inside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from penstock.contracts.records.models import ModelEpoch
from penstock.runtime.http.problems import Problem, problem_response
from penstock.runtime.http.raw_routes import RawRequest, RawResponse, encode_json, raw_problem_response, raw_route
from penstock.runtime.http.request_observer import RequestObserver
from penstock.server.bento import mount
from penstock.server.scoring.predictor import Desk
from penstock.server.web.inference_routes import inference_routes
from penstock.server.web.request_body import read_body
from penstock.server.web.responses import model_facts
from penstock.telemetry import names
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import SpanHandle

PREDICT = "/v1/streams/{stream}/predict"
MODEL = "/v1/streams/{stream}/model"
PROBE = b"penstock-probe"


def build_app(desk: Desk, telemetry: Telemetry, metrics: Metrics) -> FastAPI:
    """The app of an http child."""
    app = FastAPI(
        title="Penstock server",
        lifespan=partial(_draining, desk),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the observer sees to that
    )
    observer = RequestObserver(telemetry, metrics)

    async def predict(asked: RawRequest, span: SpanHandle) -> RawResponse:
        return await _predicted(desk, asked, span)

    async def model(asked: RawRequest, _: SpanHandle) -> RawResponse:
        return _model(desk, asked.part("stream"))

    app.router.routes.append(raw_route(PREDICT, observer.observed(PREDICT, predict)))
    app.router.routes.append(raw_route(MODEL, observer.observed(MODEL, model, "GET"), "GET"))
    app.router.routes += inference_routes(desk, observer)
    app.add_exception_handler(HTTPException, _not_served)
    app.add_exception_handler(Exception, _broken)
    mount(app, desk)
    return app


@asynccontextmanager
async def _draining(desk: Desk, _: FastAPI) -> AsyncIterator[None]:
    """Once the last request is answered, see what was answered in fast mode onto the log."""
    yield
    await desk.records.drain()


async def _predicted(desk: Desk, asked: RawRequest, span: SpanHandle) -> RawResponse:
    stream = asked.part("stream")
    span.set({names.STREAM: stream})
    try:
        body = await read_body(asked)
        probe = asked.headers.get(PROBE) == b"1"
        return RawResponse(200, (await desk.predict(stream, body, probe=probe, parent=span.header())).encoded())
    except Problem as problem:
        return raw_problem_response(problem)


def _model(desk: Desk, stream: str) -> RawResponse:
    try:
        serving = desk.serving(stream)
    except Problem as problem:
        return raw_problem_response(problem)
    record = serving.record
    facts = {"stream": stream, "epoch": serving.epoch, "reason": record.reason, "since": record.time}
    champion = {"model": model_facts(serving.champion), "classes": serving.champion.model.classes}
    return RawResponse(200, encode_json({**facts, **champion, "trial": _trial_facts(record)}))


def _trial_facts(record: ModelEpoch) -> dict[str, Any] | None:
    if record.rollout is None:
        return None
    shares = {challenger.model.version: challenger.share for challenger in record.rollout.challengers}
    return {"mode": record.rollout.mode, "step": record.rollout.step, "shares": shares}


async def _not_served(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, detail = _NOT_SERVED.get(error.status_code, ("refused", "the request cannot be served"))
    return problem_response(Problem(error.status_code, code, detail, headers=error.headers or {}))


_NOT_SERVED = {
    404: ("not_found", f"expected {PREDICT}, {MODEL}, or a path below /v2 or /bento"),
    405: ("method_not_allowed", f"expected POST {PREDICT}, GET {MODEL}, or as the Open Inference Protocol has it"),
}


async def _broken(_: Request, __: Exception) -> Response:
    return problem_response(Problem(500, "internal", "an error on our side; the same ids are safe to send again"))
