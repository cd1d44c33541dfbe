"""What became of an event: asked for by its id, waited for, or listened to by key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.ingestion.answer_cache import Answer, Answers, Listener
from penstock.ingestion.answer_watch import Watch
from penstock.ingestion.intake import Accepted
from penstock.ingestion.shorthand import SOURCE
from penstock.runtime.http.problems import RETRY_AFTER, Problem, problem_response
from penstock.runtime.http.raw_routes import RawRequest, RawResponse, raw_problem_response, raw_route
from penstock.runtime.http.request_observer import RequestObserver
from penstock.telemetry.spans import SpanHandle

ONE = "/v1/streams/{stream}/predictions/{id}"
LISTEN = "/v1/streams/{stream}/predictions"
LONGEST_WAIT = 30_000  # ms
MOST_AWAITED = 10_000  # requests that wait or listen; further ones are told at once, or to come again
CATCH_UP_WITHIN = 10.0  # seconds
ALIVE = 15.0  # seconds without an answer after which a listener is told that we are still there


class AnswerDesk:
    """Finds answers; a stream is followed from the first question about it on."""

    def __init__(self, streams: Streams, answers: Answers, watch: Watch, expect: Callable[[str], None]) -> None:
        self._streams = streams
        self._answers = answers
        self._watch = watch
        self._expect = expect

    def routes(self, observer: RequestObserver) -> list[Route]:
        """The routes for questions."""
        return [
            raw_route(ONE, observer.observed(ONE, self._one, "GET"), "GET"),
            Route(LISTEN, self._listen, methods=["GET"]),
        ]

    async def ready(self, stream: str, seconds: float) -> int | None:
        """Follow the stream: how many answers there were up to now, None when those are not all read in time.

        They must be, or else an old rejection could pass for the answer to an event that is sent again, mended.
        """
        caught_up = self._watch.begin(self._declared(stream))
        try:
            async with asyncio.timeout(seconds):
                await caught_up.wait()
        except TimeoutError:
            return None
        return self._answers.count

    async def wait(self, stream: str, accepted: Accepted, since: int, seconds: float) -> RawResponse | None:
        """What became of an accepted event since then, None when that is not known in time."""
        if self._answers.awaited >= MOST_AWAITED:
            return None
        found = await self._answers.wait(stream, accepted.source, accepted.id, accepted.key, since, seconds)
        return None if found is None else RawResponse(200, found.body())

    async def _one(self, asked: RawRequest, _: SpanHandle) -> RawResponse:
        try:
            return RawResponse(200, (await self._found(asked)).body())
        except Problem as problem:
            return raw_problem_response(problem)

    async def _found(self, asked: RawRequest) -> Answer:
        stream, event_id = asked.part("stream"), asked.part("id")
        source = _said(asked.scope["query_string"], "source") or SOURCE
        caught_up = self._watch.begin(self._declared(stream))
        found = self._answers.find(stream, source, event_id)
        if found is None and not caught_up.is_set():
            if await self.ready(stream, CATCH_UP_WITHIN) is None:
                raise Problem(503, "starting", "the answers are still being read", headers=RETRY_AFTER)
            found = self._answers.find(stream, source, event_id)
        if found is not None:
            return found
        if self._answers.has_dropped(stream, source, event_id):
            raise Problem(404, "forgotten", "this event was answered, but only the last answers are kept", "id")
        raise Problem(404, "unknown", "no answer to this event is known: none was given yet, or long ago", "id")

    async def _listen(self, request: Request) -> Response:
        try:
            stream = request.path_params["stream"]
            declared, key = self._declared(stream), request.query_params.get("key")
            if not key:
                raise Problem(422, "missing_field", "expected ?key=, the entity whose predictions are wanted", "key")
            if self._answers.awaited >= MOST_AWAITED:
                raise Problem(503, "overloaded", "too many listen already", headers=RETRY_AFTER)
        except Problem as problem:
            return problem_response(problem)
        self._watch.begin(declared)
        events = _events(self._answers, stream, key.encode())
        return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    def _declared(self, stream: str) -> StreamDeclared:
        self._expect(stream)
        declared = self._streams.get(stream)
        assert declared is not None
        return declared


def wait_of(query: bytes) -> float | None:
    """How long a request would wait for its answer, in seconds; None: it would not.

    Raises:
        Problem: it does not say so in a number we take.
    """
    said = _said(query, "wait") if query else None
    if said is None:
        return None
    if not (said.isascii() and said.isdigit() and len(said) < 10 and int(said) <= LONGEST_WAIT):
        raise Problem(422, "out_of_range", f"expected ?wait= with 0 to {LONGEST_WAIT} ms", "wait")
    return int(said) / 1000


def _said(query: bytes, name: str) -> str | None:
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get(name)
    return values[0] if values else None


async def _events(answers: Answers, stream: str, key: bytes) -> AsyncIterator[bytes]:
    """Server-sent events (WHATWG HTML, section 9.2): a prediction each; a comment says that we are still there."""
    with answers.listen(stream, key) as listener:
        yield b": listening\n\n"
        while True:
            try:
                found = await _next(listener)
            except TimeoutError:
                yield b": alive\n\n"
                continue
            if found is None:
                yield b'event: lagging\ndata: {"code":"too_slow"}\n\n'
                return
            yield b"id: %b\nevent: prediction\ndata: %b\n\n" % (found.id.encode(), found.body())


async def _next(listener: Listener) -> Answer | None:
    async with asyncio.timeout(ALIVE):
        return await listener.get()
