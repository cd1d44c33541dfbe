"""The routes for answers: GET of one by the event's id, or of all predictions of a key from now on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from penstock.contracts.records.streams import StreamDeclared
from penstock.ingestion.answer import Answer
from penstock.ingestion.answer_subscriptions import Listener
from penstock.ingestion.await_answer import AnswerLookup
from penstock.ingestion.shorthand import SOURCE
from penstock.ingestion.web.declared_streams import DeclaredStreams
from penstock.ingestion.web.operations import GET_ANSWER, LISTEN
from penstock.ingestion.web.query import query_param
from penstock.runtime.http.openapi import DocumentedRoute
from penstock.runtime.http.problems import RETRY_AFTER, Problem, problem_response
from penstock.runtime.http.raw_routes import RawRequest, RawResponse, raw_problem_response, raw_route
from penstock.runtime.http.request_observer import RequestObserver
from penstock.telemetry.spans import SpanHandle

BY_ID = "/v1/streams/{stream}/predictions/{id}"
BY_KEY = "/v1/streams/{stream}/predictions"
KEEP_ALIVE = 15.0  # seconds without a prediction after which a listener gets a comment


class AnswerRoutes:
    """Serves answers from the lookup."""

    def __init__(self, lookup: AnswerLookup, streams: DeclaredStreams) -> None:
        self._lookup = lookup
        self._streams = streams

    def routes(self, observer: RequestObserver) -> list[DocumentedRoute]:
        """The routes for answers."""
        return [
            raw_route(BY_ID, observer.observe(BY_ID, self._get, "GET"), GET_ANSWER, "GET"),
            DocumentedRoute(BY_KEY, self._listen, LISTEN),
        ]

    async def _get(self, request: RawRequest, _: SpanHandle) -> RawResponse:
        try:
            return RawResponse(200, (await self._find(request)).body())
        except Problem as problem:
            return raw_problem_response(problem)

    async def _find(self, request: RawRequest) -> Answer:
        declared = self._streams.get(request.path_param("stream"))
        event_id = request.path_param("id")
        source = query_param(request.scope["query_string"], "source") or SOURCE
        try:
            answer = await self._lookup.find(declared, source, event_id)
        except TimeoutError:
            raise Problem(503, "starting", "the answers are still being read", headers=RETRY_AFTER) from None
        if answer is not None:
            return answer
        if self._lookup.has_dropped(declared, source, event_id):
            raise Problem(404, "forgotten", "this event was answered, but only the last answers are kept", "id")
        raise Problem(404, "unknown", "no answer to this event is known: none was given yet, or long ago", "id")

    async def _listen(self, request: Request) -> Response:
        try:
            declared = self._streams.get(request.path_params["stream"])
            key = request.query_params.get("key")
            if not key:
                raise Problem(422, "missing_field", "expected ?key=, the entity whose predictions are wanted", "key")
            if self._lookup.is_full:
                raise Problem(503, "overloaded", "too many listen already", headers=RETRY_AFTER)
        except Problem as problem:
            return problem_response(problem)
        events = _server_sent_events(self._lookup, declared, key.encode())
        return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _server_sent_events(lookup: AnswerLookup, declared: StreamDeclared, key: bytes) -> AsyncIterator[bytes]:
    """Server-sent events (WHATWG HTML, section 9.2), one for each prediction; comments keep the connection alive."""
    with lookup.listen(declared, key) as listener:
        yield b": listening\n\n"
        while True:
            try:
                answer = await _next(listener)
            except TimeoutError:
                yield b": alive\n\n"
                continue
            if answer is None:
                yield b'event: lagging\ndata: {"code":"too_slow"}\n\n'
                return
            yield b"id: %b\nevent: prediction\ndata: %b\n\n" % (answer.id.encode(), answer.body())


async def _next(listener: Listener) -> Answer | None:
    async with asyncio.timeout(KEEP_ALIVE):
        return await listener.get()
