"""The routes that take records: POST of events and of labels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from penstock.bus.errors import RecordTooLarge
from penstock.contracts.records.streams import StreamDeclared
from penstock.ingestion.await_answer import AnswerLookup
from penstock.ingestion.intake import Intake, OnAdmitted, Verdict
from penstock.ingestion.limits import Limits
from penstock.ingestion.shorthand import RecordKind
from penstock.ingestion.web.declared_streams import DeclaredStreams
from penstock.ingestion.web.operations import POST_EVENTS, POST_LABELS
from penstock.ingestion.web.query import wait_seconds
from penstock.ingestion.web.request_bodies import Documents, join_binary_mode, request_format, split_body
from penstock.ingestion.web.verdict_responses import batch_response, record_response
from penstock.runtime.http.openapi import DocumentedRoute
from penstock.runtime.http.problems import RETRY_AFTER, Problem
from penstock.runtime.http.raw_routes import RawRequest, RawResponse, raw_problem_response, raw_route
from penstock.runtime.http.request_body import read_body
from penstock.runtime.http.request_observer import RequestObserver
from penstock.runtime.log_writer import WriteUnconfirmed
from penstock.telemetry.names import EVENT_ID, STREAM
from penstock.telemetry.spans import SpanHandle

EVENTS = "/v1/streams/{stream}/events"
LABELS = "/v1/streams/{stream}/labels"


class RecordRoutes:
    """Submits the records of requests to the intake; a single event may wait for its answer."""

    def __init__(self, intake: Intake, lookup: AnswerLookup, streams: DeclaredStreams, limits: Limits) -> None:
        self._intake = intake
        self._lookup = lookup
        self._streams = streams
        self._limits = limits

    def routes(self, observer: RequestObserver) -> list[DocumentedRoute]:
        """The routes for events and labels."""
        return [
            raw_route(EVENTS, observer.observe(EVENTS, partial(self._post, "event")), POST_EVENTS),
            raw_route(LABELS, observer.observe(LABELS, partial(self._post, "label")), POST_LABELS),
        ]

    async def _post(self, kind: RecordKind, request: RawRequest, span: SpanHandle) -> RawResponse:
        try:
            declared = self._streams.taking_records(request.path_param("stream"))
            span.set({STREAM: declared.name})
            wait = wait_seconds(request.scope["query_string"])
            documents = await self._documents(request)
            if wait is not None:
                return await self._submit_and_wait(declared, kind, documents, span.header(), wait)
            verdicts = await self._intake.submit(declared.name, kind, documents.texts, span.header())
            if kind == "event" and verdicts[0].id and not documents.is_batch:
                span.set({EVENT_ID: verdicts[0].id})
        except Problem as problem:
            return raw_problem_response(problem)
        except WriteUnconfirmed:
            return raw_problem_response(_unconfirmed())
        except RecordTooLarge:
            return raw_problem_response(Problem(413, "too_large", "the log does not take a record of this size"))
        return batch_response(verdicts) if documents.is_batch else record_response(verdicts[0])

    async def _submit_and_wait(
        self,
        declared: StreamDeclared,
        kind: RecordKind,
        documents: Documents,
        traceparent: bytes | None,
        seconds: float,
    ) -> RawResponse:
        """200 with the event's answer if that comes in time, else the response without it."""
        if kind == "label" or documents.is_batch:
            raise Problem(422, "out_of_range", "only a single event can wait for its answer", "wait")

        async def accept(on_admitted: OnAdmitted | None) -> Verdict:
            (verdict,) = await self._intake.submit(declared.name, kind, documents.texts, traceparent, on_admitted)
            return verdict

        verdict, answer = await self._lookup.accept_and_wait(declared, accept, seconds)
        return record_response(verdict) if answer is None else RawResponse(200, answer.body())

    async def _documents(self, request: RawRequest) -> Documents:
        body_format = request_format(request)
        body = await read_body(request, self._limits.body_bytes, self._limits.body_seconds)
        if not body or body.isspace():
            raise Problem(400, "malformed", "expected a body")
        if body_format == "json" and b"ce-specversion" in request.headers:
            self._check_size(body)
            return join_binary_mode(_text_headers(request.headers), body)
        documents = await split_body(body_format, body, self._limits.batch_records)
        if not documents.is_batch:
            self._check_size(body)
        if not 1 <= len(documents.texts) <= self._limits.batch_records:
            raise Problem(422, "out_of_range", f"expected a batch of 1 to {self._limits.batch_records} records")
        return documents

    def _check_size(self, record: bytes) -> None:
        if len(record) > self._limits.record_bytes:
            raise Problem(413, "too_large", f"expected at most {self._limits.record_bytes} bytes a record")


def _text_headers(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}


def _unconfirmed() -> Problem:
    detail = "the log did not confirm: whether it has the records is unknown; the same ids are safe to send again"
    return Problem(503, "outcome_unknown", detail, headers=RETRY_AFTER)
