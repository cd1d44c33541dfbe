"""Writes answered events to the log: before the response, or in fast mode after it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from penstock.bus.errors import RecordTooLarge
from penstock.contracts.topics import RECEIVED
from penstock.runtime.http.problems import RETRY_AFTER, Problem
from penstock.runtime.log_writer import BufferFull, LogWriter, WriteRequest, WriteUnconfirmed
from penstock.server.scoring.sealed_events import SealedEvents
from penstock.telemetry.names import TRACEPARENT
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import send_spans

log = logging.getLogger("penstock.server")


class AnswerLog:
    """Writes the events of many requests at once; each request gets the problem of its own events.

    `on_unconfirmed` is called with the number of events that were answered in fast mode but not confirmed.
    """

    def __init__(
        self, writer: LogWriter, namespace: str, telemetry: Telemetry, on_unconfirmed: Callable[[int], None]
    ) -> None:
        self._writer = writer
        self._namespace = namespace
        self._telemetry = telemetry
        self._on_unconfirmed = on_unconfirmed

    async def write(self, stream: str, requests: Sequence[SealedEvents], *, wait: bool) -> list[Problem | None]:
        """Write the events of requests; with `wait` until the broker has confirmed them.

        The problem of each request, None when there is none: its events are too large, the broker did not confirm, or
        in fast mode too many events await the broker.
        """
        fitting = [request for request in requests if request.fits]
        problems = iter(await self._write_fitting(stream, fitting, wait) if fitting else [])
        return [next(problems) if request.fits else _too_large() for request in requests]

    async def _write_fitting(self, stream: str, requests: Sequence[SealedEvents], wait: bool) -> list[Problem | None]:
        with ExitStack() as spans:
            writes = [self._write_request(stream, request, spans) for request in requests]
            if wait:
                errors = await self._writer.write(stream, writes)
                return [_problem_of(error, request) for request, error in zip(requests, errors, strict=True)]
            try:
                self._writer.enqueue(stream, writes, partial(self._report_unconfirmed, stream))
            except BufferFull:
                return [_overloaded() for _ in requests]
            return [None] * len(requests)

    async def drain(self) -> None:
        """Wait for the confirmation of all events that were answered in fast mode."""
        await self._writer.drain()

    def _report_unconfirmed(self, stream: str, write: WriteRequest, error: Exception) -> None:
        count = len(write.values)
        log.warning("%s: %d answers were given that the log did not confirm: %r", stream, count, error)
        self._on_unconfirmed(count)

    def _write_request(self, stream: str, request: SealedEvents, spans: ExitStack) -> WriteRequest:
        topic = RECEIVED.name(self._namespace, stream)
        traceparents = send_spans(self._telemetry, topic, stream, request.ids, request.traceparent, spans)
        headers = {index: ((TRACEPARENT, header),) for index, header in traceparents.items()}
        return WriteRequest(request.values, request.keys, headers)


def _problem_of(error: Exception | None, request: SealedEvents) -> Problem | None:
    match error:
        case None:
            return None
        case WriteUnconfirmed():
            return _unconfirmed(request)
        case RecordTooLarge():
            return _too_large()
        case _:
            raise error


def _too_large() -> Problem:
    return Problem(413, "too_large", "the log does not take an event of this size with its prediction")


def _unconfirmed(request: SealedEvents) -> Problem:
    detail = "the log did not confirm: whether it has the events is unknown; the same ids are safe to send again"
    return Problem(503, "outcome_unknown", detail, headers=RETRY_AFTER, more={"ids": request.ids})


def _overloaded() -> Problem:
    detail = "too many answers await the log: these events were not taken; the same ids are safe to send again"
    return Problem(503, "overloaded", detail, headers=RETRY_AFTER)
