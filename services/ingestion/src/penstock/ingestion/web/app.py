"""The HTTP interface: events and labels come in here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from penstock.bus.errors import RecordTooLarge
from penstock.contracts.records.streams import Streams
from penstock.contracts.refusals import Refusal
from penstock.ingestion.answer_cache import Answers
from penstock.ingestion.answer_watch import Watch
from penstock.ingestion.intake import Accepted, Intake
from penstock.ingestion.limits import Limits
from penstock.ingestion.shorthand import Kind
from penstock.ingestion.web.answer_routes import AnswerDesk, wait_of
from penstock.ingestion.web.body_format import form_of_request
from penstock.ingestion.web.request_bodies import Documents, documents_in, in_binary_mode
from penstock.runtime.http.problems import HANG_UP, RETRY_AFTER, Problem, problem_of, problem_response, shortened
from penstock.runtime.http.raw_routes import RawRequest, RawResponse, encode_json, raw_problem_response, raw_route
from penstock.runtime.http.request_body import read_body
from penstock.runtime.http.request_observer import RequestObserver
from penstock.runtime.log_writer import WriteUnconfirmed
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import SpanHandle

ROUTES: dict[str, Kind] = {"/v1/streams/{stream}/events": "event", "/v1/streams/{stream}/labels": "label"}
UNMATCHED = "unmatched"


class Api:
    """Answers requests. Until `caught_up` a stream that is not known may still be one, and is worth another try."""

    def __init__(
        self,
        intake: Intake,
        streams: Streams,
        answers: Answers,
        watch: Watch,
        limits: Limits,
        telemetry: Telemetry,
        metrics: Metrics,
        caught_up: Callable[[], bool],
    ) -> None:
        self._intake = intake
        self._watch = watch
        self._answers = AnswerDesk(streams, answers, watch, self._expect)
        self._limits = limits
        self._metrics = metrics
        self._observer = RequestObserver(telemetry, metrics)
        self._caught_up = caught_up

    def app(self) -> FastAPI:
        """The application."""
        app = FastAPI(
            title="Penstock ingestion",
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            lifespan=self._watching,
            telemetry={"tracing": False, "metrics": False, "logs": False},  # the observer sees to that
        )
        for route, kind in ROUTES.items():
            app.router.routes.append(raw_route(route, self._observer.observed(route, partial(self._answer, kind))))
        app.router.routes += self._answers.routes(self._observer)
        app.add_exception_handler(HTTPException, self._not_served)
        app.add_exception_handler(Exception, _broken)
        return app

    @asynccontextmanager
    async def _watching(self, _: FastAPI) -> AsyncIterator[None]:
        yield
        await self._watch.close()

    async def _answer(self, kind: Kind, asked: RawRequest, span: SpanHandle) -> RawResponse:
        try:
            stream = asked.part("stream")
            self._expect(stream)
            wait = wait_of(asked.scope["query_string"])
            documents = await self._documents(asked)
            if wait is not None:
                return await self._answer_in_time(stream, kind, documents, wait, span)
            verdicts = await self._intake.take(stream, kind, documents.bodies, span.header())
        except Problem as problem:
            return raw_problem_response(problem)
        except WriteUnconfirmed:
            return raw_problem_response(_undelivered())
        except RecordTooLarge:
            return raw_problem_response(Problem(413, "too_large", "the log does not take a record of this size"))
        return _of_batch(verdicts) if documents.batch else _of_one(verdicts[0])

    async def _answer_in_time(
        self, stream: str, kind: Kind, documents: Documents, seconds: float, span: SpanHandle
    ) -> RawResponse:
        """202 as ever, unless what became of the event is known in time: then 200, with that."""
        if kind == "label" or documents.batch:
            raise Problem(422, "out_of_range", "only a single event can wait for its answer", "wait")
        since = await self._answers.ready(stream, seconds)
        (verdict,) = await self._intake.take(stream, kind, documents.bodies, span.header())
        if since is None or isinstance(verdict, Refusal):
            return _of_one(verdict)
        return await self._answers.wait(stream, verdict, since, seconds) or _of_one(verdict)

    def _expect(self, stream: str) -> None:
        if self._intake.knows(stream):
            return
        if self._caught_up():
            raise Problem(404, "unknown_stream", "no such stream is declared", "stream", HANG_UP)
        raise Problem(503, "starting", "the declared streams are still being read", headers={**RETRY_AFTER, **HANG_UP})

    async def _documents(self, asked: RawRequest) -> Documents:
        form = form_of_request(asked)
        body = await read_body(asked, self._limits.body_bytes, self._limits.body_seconds)
        if not body.strip():
            raise Problem(400, "malformed", "expected a body")
        binary = form == "json" and b"ce-specversion" in asked.headers
        documents = in_binary_mode(_as_text(asked.headers), body) if binary else documents_in(form, body)
        if isinstance(documents, Refusal):
            raise problem_of(documents)
        if not 1 <= len(documents.bodies) <= self._limits.batch_records:
            raise Problem(422, "out_of_range", f"expected a batch of 1 to {self._limits.batch_records} records")
        return documents

    async def _not_served(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        self._metrics.answered(request.method, UNMATCHED, error.status_code, 0.0)
        code, detail = _NOT_SERVED.get(error.status_code, ("refused", "the request cannot be served"))
        return problem_response(Problem(error.status_code, code, detail, headers=error.headers or {}))


_NOT_SERVED = {
    404: ("not_found", "expected /v1/streams/STREAM/events, …/labels or …/predictions"),
    405: ("method_not_allowed", "expected POST of events and labels, GET of predictions"),
}


async def _broken(_: Request, __: Exception) -> Response:
    return problem_response(Problem(500, "internal", "an error on our side; the same ids are safe to send again"))


def _as_text(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}


def _of_one(verdict: Accepted | Refusal) -> RawResponse:
    if isinstance(verdict, Refusal):
        return raw_problem_response(problem_of(verdict))
    return RawResponse(202, encode_json({"id": verdict.id, "status": "accepted"}))


def _of_batch(verdicts: Sequence[Accepted | Refusal]) -> RawResponse:
    refused = [_refused(place, verdict) for place, verdict in enumerate(verdicts) if isinstance(verdict, Refusal)]
    said: dict[str, Any] = {"accepted": len(verdicts) - len(refused), "refused": refused}
    if said["accepted"]:
        return RawResponse(202, encode_json(said))
    return raw_problem_response(Problem(422, "none_accepted", "every record of the batch was refused", more=said))


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
