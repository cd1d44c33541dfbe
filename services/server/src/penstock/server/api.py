"""The HTTP face: predict, which model answers, and the BentoML service inside it."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from penstock.runtime.problems import MEDIA_TYPE, Problem
from penstock.server.adapters.observing import Observer
from penstock.server.adapters.requests import read_body
from penstock.server.bento import mount
from penstock.server.predicting import Desk, model_facts
from penstock.telemetry import names
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import Traced

PREDICT = "/v1/streams/{stream}/predict"
MODEL = "/v1/streams/{stream}/model"
PROBE = "penstock-probe"


def build_app(desk: Desk, telemetry: Telemetry, metrics: Metrics) -> FastAPI:
    """The app of an http child."""
    app = FastAPI(title="Penstock server", docs_url=None, redoc_url=None, redirect_slashes=False)
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

    app.add_exception_handler(HTTPException, _not_served)
    app.add_exception_handler(Exception, _broken)
    mount(app, desk)
    return app


async def _predicted(desk: Desk, stream: str, request: Request, span: Traced) -> Response:
    probe = request.headers.get(PROBE) == "1"
    span.set({names.STREAM: stream})
    try:
        body = await read_body(request)
        reply = await desk.predict(stream, body, probe=probe, parent=span.header())
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


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


def _told(problem: Problem) -> Response:
    content = msgspec.json.encode(problem.body())
    return Response(content, problem.status, dict(problem.headers), MEDIA_TYPE)


async def _not_served(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, detail = _NOT_SERVED.get(error.status_code, ("refused", "the request cannot be served"))
    return _told(Problem(error.status_code, code, detail, headers=error.headers or {}))


_NOT_SERVED = {
    404: ("not_found", f"expected {PREDICT}, {MODEL} or a path below /bento"),
    405: ("method_not_allowed", f"expected POST {PREDICT} or GET {MODEL}"),
}


async def _broken(_: Request, __: Exception) -> Response:
    return _told(Problem(500, "internal", "an error on our side; the same ids are safe to send again"))
