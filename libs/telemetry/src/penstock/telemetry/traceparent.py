"""The W3C `traceparent` header of a Kafka record or an HTTP request.

A record has the header only if its trace is sampled, so that all others cost nothing.
Source: https://www.w3.org/TR/trace-context-2/#traceparent-header
"""

import re
from collections.abc import Sequence

from opentelemetry.trace import SpanContext, TraceFlags

from penstock.telemetry.names import TRACEPARENT

_FIELDS = rb"-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})"
# Version ff is invalid; versions after 00 may add more after another dash.
_TRACEPARENT_PATTERN = re.compile(rb"(?:00%b|(?!00|ff)[0-9a-f]{2}%b(?:-.*)?)" % (_FIELDS, _FIELDS), re.DOTALL)
_ODD_DIGITS = b"13579bdf"


def parse_traceparent(header: bytes) -> SpanContext | None:
    """The context of the span that the header names, or None if it is malformed; never raises.

    >>> parse_traceparent(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03").trace_flags.sampled
    True
    >>> parse_traceparent(b"00-4bf9")
    """
    match = _TRACEPARENT_PATTERN.fullmatch(header)
    if match is None:
        return None
    trace_id, span_id, flags = filter(None, match.groups())
    return SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16)))


def format_traceparent(context: SpanContext) -> bytes:
    """The header that names a span: 55 bytes."""
    return b"00-%032x-%016x-%02x" % (context.trace_id, context.span_id, context.trace_flags & 0xFF)


def sampled_traceparent(headers: Sequence[tuple[str, bytes | None]]) -> bytes | None:
    """The traceparent of a record as it is, if there is one that is well-formed and sampled, else None.

    Most records have no headers: those cost one comparison.
    """
    if not headers:
        return None
    for name, value in headers:
        if name == TRACEPARENT:
            return value if value is not None and is_sampled(value) else None
    return None


def is_sampled(header: bytes) -> bool:
    """Whether a traceparent is well-formed and its sampled flag (the lowest bit of its flags) is set."""
    return header[54:55] in _ODD_DIGITS and len(header) > 54 and _TRACEPARENT_PATTERN.fullmatch(header) is not None
