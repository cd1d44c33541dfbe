"""The HTTP face: predict, which model answers, and the BentoML service inside it."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from penstock.server.bento import mount
from penstock.server.observing import Observer
from penstock.server.predicting import Desk, model_facts
from penstock.server.problems import Problem, problem_body
from penstock.server.requests import read_body
from penstock.telemetry import names
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import Traced

PREDICT = "/v1/streams/{stream}/predict"
MODEL = "/v1/streams/{stream}/model"
PROBE = "penstock-probe"

_PROBLEM = "application/problem+json"


def build_app(desk: Desk, telemetry: Telemetry, metrics: Metrics) -> FastAPI:
    """The app of an http child."""
    app = FastAPI(title="Penstock server", docs_url=None, redoc_url=None)
    observer = Observer(telemetry, metrics)

    @app.post(PREDICT)
    async def predict(stream: str, request: Request) -> Response:
        async def answer(span: Traced) -> Response:
            return await _predicted(desk, stream, request, span)

        return await observer.observed(request, PREDICT, answer)

    @app.get(MODEL)
    async def model(stream: str, request: Request) -> Response:
        async def answer(_: Traced) -> Response:
            return _model(desk, stream)

        return await observer.observed(request, MODEL, answer)

    app.add_exception_handler(HTTPException, _routing_problem)
    mount(app, desk)
    return app


async def _predicted(desk: Desk, stream: str, request: Request, span: Traced) -> Response:
    probe = request.headers.get(PROBE) == "1"
    span.set({names.STREAM: stream})
    try:
        body = await read_body(request)
        reply = await desk.predict(stream, body, probe=probe, header_of=lambda _: span.header())
        return _json(reply.body())
    except Problem as problem:
        return _told(problem)


def _model(desk: Desk, stream: str) -> Response:
    try:
        serving = desk.serving(stream)
    except Problem as problem:
        return _told(problem)
    record = serving.record
    facts = {"stream": stream, "epoch": serving.epoch, "reason": record.reason, "since": record.time}
    return _json({**facts, "model": model_facts(serving), "classes": serving.model.classes})


def _json(content: Any, status: int = 200, media_type: str = "application/json") -> Response:
    return Response(msgspec.json.encode(content), status, media_type=media_type)


def _told(problem: Problem) -> Response:
    response = _json(problem.body, problem.status, _PROBLEM)
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


async def _routing_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = problem_body(error.status_code, "no_such_route", "there is no such path, or not with this method")
    response = _json(body, error.status_code, _PROBLEM)
    response.headers.update(error.headers or {})
    return response
