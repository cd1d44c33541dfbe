"""Which trace a log line belongs to: lines that are written inside `log_trace` bear its ids."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from penstock.telemetry.traceparent import parse_traceparent

TRACE_ID = "trace.id"
SPAN_ID = "span.id"

_traceparent: ContextVar[bytes | None] = ContextVar("traceparent of log lines", default=None)


@contextmanager
def log_trace(traceparent: bytes | None) -> Iterator[None]:
    """Log lines inside belong to the span that the header names; None: to none."""
    token = _traceparent.set(traceparent)
    try:
        yield
    finally:
        _traceparent.reset(token)


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
    traceparent = _traceparent.get()
    if traceparent is not None and TRACE_ID not in record.__dict__:
        record.__dict__.update(trace_fields(traceparent))
