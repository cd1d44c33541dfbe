"""Spans as the exporters of OpenTelemetry take them."""

from __future__ import annotations

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

from penstock.telemetry.ended_span import EndedSpan

_SCOPE = InstrumentationScope("penstock")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


def readable_span(span: EndedSpan, resource: Resource) -> ReadableSpan:
    """A span of the service that `resource` describes."""
    return ReadableSpan(
        name=span.name,
        context=SpanContext(span.trace_id, span.span_id, False, _SAMPLED),
        parent=span.parent,
        resource=resource,
        attributes=span.attributes,
        links=[Link(context) for context in span.links],
        kind=span.kind,
        status=Status(StatusCode.ERROR) if span.failed else Status(),
        start_time=span.start,
        end_time=span.end,
        instrumentation_scope=_SCOPE,
    )
