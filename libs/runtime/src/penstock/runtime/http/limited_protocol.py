"""Limits that hold before an app sees a request, so for all services and all routes alike."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from penstock.runtime.http.problems import HANG_UP, RETRY_AFTER, Problem, problem_response
from penstock.runtime.http.request_limits import HEALTH_PATHS, HEALTH_RESERVE, RequestLimits
from penstock.runtime.http.single_write import SingleWriteProtocol

LINGER_S = 1.0  # that a refused client may go on sending: a reset could keep the refusal from it


@dataclass(eq=False)
class Traffic:
    """What all connections of a server have in common."""

    limits: RequestLimits
    connections: int
    waiting: dict[LimitedProtocol, None] = field(default_factory=dict)
    """Those without a request whose head is complete, in the order in which they began to wait."""

    body_bytes: int = 0


class LimitedProtocol(SingleWriteProtocol):
    """Refuses requests beyond the limits, and closes the connection.

    When there are too many connections, the one that has waited longest for its client is closed; when all have
    requests under way, a further one may ask for the service's health only.
    """

    def __init__(self, traffic: Traffic, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._traffic = traffic
        self._head_bytes = 0
        self._body_bytes = 0  # of the body that is being received
        self._unanswered_bytes = 0  # of all bodies of this connection that await their response
        self._in_head = True
        self._in_body = False
        self._is_refused = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or make room for it."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self._traffic.limits.head_seconds, self.timeout_keep_alive_handler
        )
        excess = len(self.connections) - self._traffic.connections
        if excess > 0 and self._traffic.waiting:
            next(iter(self._traffic.waiting))._drop()
        elif excess > HEALTH_RESERVE:
            self._drop()
            return
        elif excess > 0:
            self.app = _HealthOnly(self.app)
        self._traffic.waiting[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._traffic.waiting.pop(self, None)
        self._clear_deadline()
        self._release_body_bytes()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, unless the client was refused."""
        if self._is_refused:
            return
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._is_refused or self.parser is None:
            return
        if self._in_head and self._head_bytes > self._traffic.limits.head_bytes:
            self._refuse(_head_too_large(self._traffic.limits))
        elif self._in_body or self._head_bytes:
            self._set_deadline()

    def on_headers_complete(self) -> None:
        """End a head, and begin a body."""
        limits = self._traffic.limits
        is_large = self._head_bytes > limits.head_bytes and self._size_of_head() > limits.head_bytes
        self._in_head, self._in_body, self._head_bytes, self._body_bytes = False, True, 0, 0
        self._clear_deadline()
        if self._is_refused:
            return
        if is_large:
            self._refuse(_head_too_large(limits))
            return
        self._traffic.waiting.pop(self, None)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        if self._is_refused:
            return
        traffic, size = self._traffic, len(body)
        self._body_bytes += size
        if self._body_bytes > traffic.limits.body_bytes:
            detail = f"expected a body of at most {traffic.limits.body_bytes} bytes"
            self._refuse(Problem(413, "too_large", detail, headers=HANG_UP))
        elif traffic.body_bytes + size > traffic.limits.unanswered_body_bytes:
            self._refuse(_overloaded("too many bytes of requests are being worked on"))
        else:
            traffic.body_bytes += size
            self._unanswered_bytes += size
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a body."""
        self._in_head, self._in_body = True, False
        self._clear_deadline()
        if not self._is_refused:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for it."""
        super().on_response_complete()
        if not self.pipeline:
            self._release_body_bytes()
        if self.cycle is None or self.cycle.response_complete:
            self._traffic.waiting[self] = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's text is for people)
        """Refuse what is not HTTP."""
        self._refuse(Problem(400, "malformed", "expected HTTP/1.1", headers=HANG_UP))

    def _size_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _release_body_bytes(self) -> None:
        self._traffic.body_bytes -= self._unanswered_bytes
        self._unanswered_bytes = 0

    def _set_deadline(self) -> None:
        if self._deadline is None:
            limits = self._traffic.limits
            seconds = limits.head_seconds if self._in_head else limits.body_seconds
            self._deadline = self.loop.call_later(seconds, self._time_out, seconds)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _time_out(self, seconds: float) -> None:
        self._deadline = None
        if self.pipeline or (self._in_head and self._is_answering):
            self._set_deadline()  # it is we who keep the client waiting
            return
        what = "head" if self._in_head else "body"
        self._refuse(Problem(408, "too_slow", f"expected the whole {what} within {seconds:g} s", headers=HANG_UP))

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, problem: Problem) -> None:
        """Answer with the problem, if no other answer is under way, and close once the client has read it."""
        self._is_refused = True
        self._clear_deadline()
        if self._in_head and self._is_answering and not self.pipeline:
            self.cycle.keep_alive = False  # the request before is whole, and is answered
            return
        can_answer = not self._is_answering or (self._in_body and not self.pipeline and not self.cycle.response_started)
        if self._is_answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._release_body_bytes()
        if not can_answer:
            self.transport.close()
            return
        self.transport.write(_response_of(problem))
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_S, self.transport.close)

    def _drop(self) -> None:
        self._traffic.waiting.pop(self, None)
        self.transport.abort()


class _HealthOnly:
    """An app of which only the health routes are served."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] in HEALTH_PATHS:
            await self._app(scope, receive, send)
        else:
            await problem_response(_overloaded("too many connections"))(scope, receive, send)


def _overloaded(detail: str) -> Problem:
    return Problem(503, "overloaded", detail, headers={**RETRY_AFTER, **HANG_UP})


def _head_too_large(limits: RequestLimits) -> Problem:
    detail = f"expected a request line and headers of at most {limits.head_bytes} bytes"
    return Problem(431, "head_too_large", detail, headers=HANG_UP)


def _response_of(problem: Problem) -> bytes:
    response = problem_response(problem)
    lines = [b"HTTP/1.1 %d %b" % (problem.status, problem.body()["title"].encode())]
    lines += [b"%b: %b" % header for header in response.raw_headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + bytes(response.body)
