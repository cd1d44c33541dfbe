"""Which trace a log line belongs to: lines that are written inside `log_trace`, or in a request, bear its ids."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from penstock.telemetry.traceparent import parse_traceparent

TRACE_ID = "trace.id"
SPAN_ID = "span.id"


class _Scope(NamedTuple):
    """The span that lines belong to, and the task that they are written in."""

    traceparent: bytes | None
    task: asyncio.Task[Any] | None

    def is_here(self) -> bool:
        """Whether this is the task, or a thread that works for it; tasks begun meanwhile may work for others, too."""
        try:
            return asyncio.current_task() is self.task
        except RuntimeError:  # no loop runs in this thread
            return True


_scope: ContextVar[_Scope | None] = ContextVar("span of log lines", default=None)


@contextmanager
def log_trace(traceparent: bytes | None) -> Iterator[None]:
    """Log lines inside belong to the span that the header names; None: to none."""
    token = _scope.set(_Scope(traceparent, _current_task()))
    try:
        yield
    finally:
        _scope.reset(token)


def log_trace_of_request(traceparent: bytes | None) -> None:
    """Log lines of the task that handles a request belong to the span from now on; None: nothing changes.

    It is for the rest of the task, which is the request's own, since the server logs an unexpected error after its
    handler has ended.
    """
    if traceparent is not None:
        _scope.set(_Scope(traceparent, _current_task()))


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def trace_fields(traceparent: bytes | None) -> Mapping[str, str]:
    """The ids of a span as fields of a log line; none without a header.

    >>> trace_fields(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")["span.id"]
    '00f067aa0ba902b7'
    """
    context = None if traceparent is None else parse_traceparent(traceparent)
    if context is None:
        return {}
    return {TRACE_ID: f"{context.trace_id:032x}", SPAN_ID: f"{context.span_id:016x}"}


def add_trace(record: logging.LogRecord) -> None:
    """Give a record the ids of the trace that it is written in, unless it has its own."""
    scope = _scope.get()
    if scope is not None and scope.traceparent and TRACE_ID not in record.__dict__ and scope.is_here():
        record.__dict__.update(trace_fields(scope.traceparent))
