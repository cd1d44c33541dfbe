"""The HTTP interface: events and labels come in here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from penstock.bus.errors import RecordTooLarge
from penstock.contracts.refusals import Refusal
from penstock.ingestion.adapters.reading import form_of_request, read_body
from penstock.ingestion.bodies import Documents, documents_in, in_binary_mode
from penstock.ingestion.delivery import Undelivered
from penstock.ingestion.intake import Accepted, Intake
from penstock.ingestion.limits import Limits
from penstock.ingestion.shorthand import Kind
from penstock.runtime.problems import HANG_UP, RETRY_AFTER, Problem, answer, problem_of, shortened
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import request_span

ROUTES: dict[str, Kind] = {"/v1/streams/{stream}/events": "event", "/v1/streams/{stream}/labels": "label"}
UNMATCHED = "unmatched"


class Api:
    """Answers requests. Until `caught_up` a stream that is not known may still be one, and is worth another try."""

    def __init__(
        self, intake: Intake, limits: Limits, telemetry: Telemetry, metrics: Metrics, caught_up: Callable[[], bool]
    ) -> None:
        self._intake = intake
        self._limits = limits
        self._telemetry = telemetry
        self._metrics = metrics
        self._caught_up = caught_up

    def app(self) -> FastAPI:
        """The application."""
        app = FastAPI(title="Penstock ingestion", docs_url=None, redoc_url=None, redirect_slashes=False)
        for route, kind in ROUTES.items():
            app.add_api_route(route, self._endpoint(route, kind), methods=["POST"], status_code=202, name=f"{kind}s")
        app.add_exception_handler(HTTPException, self._not_served)
        app.add_exception_handler(RequestValidationError, _not_understood)
        app.add_exception_handler(Exception, _broken)
        return app

    def _endpoint(self, route: str, kind: Kind) -> Callable[..., Any]:
        async def endpoint(request: Request, stream: str) -> Response:
            started = time.perf_counter()
            with request_span(self._telemetry.tracer, "POST", route, request.headers) as span:
                response = await self._answer(request, stream, kind, span.header())
                span.status(response.status_code)
            self._metrics.answered("POST", route, response.status_code, time.perf_counter() - started)
            return response

        return endpoint

    async def _answer(self, request: Request, stream: str, kind: Kind, parent: bytes | None) -> Response:
        try:
            self._expect(stream)
            documents = await self._documents(request)
            verdicts = await self._intake.take(stream, kind, documents.bodies, parent)
        except Problem as problem:
            return answer(problem)
        except Undelivered:
            return answer(_undelivered())
        except RecordTooLarge:
            return answer(Problem(413, "too_large", "the log does not take a record of this size"))
        return _of_batch(verdicts) if documents.batch else _of_one(verdicts[0])

    def _expect(self, stream: str) -> None:
        if self._intake.knows(stream):
            return
        if self._caught_up():
            raise Problem(404, "unknown_stream", "no such stream is declared", "stream", HANG_UP)
        raise Problem(503, "starting", "the declared streams are still being read", headers={**RETRY_AFTER, **HANG_UP})

    async def _documents(self, request: Request) -> Documents:
        form = form_of_request(request)
        body = await read_body(request, self._limits)
        if not body.strip():
            raise Problem(400, "malformed", "expected a body")
        binary = form == "json" and "ce-specversion" in request.headers
        documents = in_binary_mode(request.headers, body) if binary else documents_in(form, body)
        if isinstance(documents, Refusal):
            raise problem_of(documents)
        if not 1 <= len(documents.bodies) <= self._limits.batch_records:
            raise Problem(422, "out_of_range", f"expected a batch of 1 to {self._limits.batch_records} records")
        return documents

    async def _not_served(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        self._metrics.answered(request.method, UNMATCHED, error.status_code, 0.0)
        code, detail = _NOT_SERVED.get(error.status_code, ("refused", "the request cannot be served"))
        return answer(Problem(error.status_code, code, detail, headers=error.headers or {}))


_NOT_SERVED = {
    404: ("not_found", "expected /v1/streams/STREAM/events or /v1/streams/STREAM/labels"),
    405: ("method_not_allowed", "expected POST"),
}


async def _not_understood(_: Request, __: Exception) -> Response:
    return answer(Problem(422, "malformed", "the request does not say what it must"))


async def _broken(_: Request, __: Exception) -> Response:
    return answer(Problem(500, "internal", "an error on our side; the same ids are safe to send again"))


def _of_one(verdict: Accepted | Refusal) -> Response:
    if isinstance(verdict, Refusal):
        return answer(problem_of(verdict))
    return JSONResponse({"id": verdict.id, "status": "accepted"}, 202)


def _of_batch(verdicts: Sequence[Accepted | Refusal]) -> Response:
    refused = [_refused(place, verdict) for place, verdict in enumerate(verdicts) if isinstance(verdict, Refusal)]
    said: dict[str, Any] = {"accepted": len(verdicts) - len(refused), "refused": refused}
    if said["accepted"]:
        return JSONResponse(said, 202)
    return answer(Problem(422, "none_accepted", "every record of the batch was refused", more=said))


def _refused(place: int, refusal: Refusal) -> dict[str, Any]:
    return {
        "index": place,
        "id": refusal.id or None,
        "code": refusal.code,
        "field": None if refusal.field is None else shortened(refusal.field),
        "detail": shortened(refusal.detail),
    }


def _undelivered() -> Problem:
    detail = "the log did not confirm: whether it has the records is unknown; the same ids are safe to send again"
    return Problem(503, "outcome_unknown", detail, headers=RETRY_AFTER)
