"""Spans as Zipkin's API takes them (v2, JSON): encoded whole batches at a time, since each span costs its service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.request import Request, urlopen

import msgspec
from opentelemetry.trace import SpanKind

from penstock.telemetry.ended_span import EndedSpan
from penstock.telemetry.names import LINKS

_KINDS = {kind: kind.name for kind in SpanKind if kind is not SpanKind.INTERNAL}
_encode = msgspec.json.Encoder().encode


def send_to_zipkin(endpoint: str, service: str, spans: Sequence[EndedSpan], timeout: float) -> None:
    """Send spans to a collector.

    Raises:
        OSError: it is away, too slow, or refuses them.
    """
    request = Request(endpoint, encode_spans(service, spans), {"Content-Type": "application/json"})
    with urlopen(request, timeout=timeout):
        pass


def encode_spans(service: str, spans: Sequence[EndedSpan]) -> bytes:
    """The body of a request: times in microseconds, all tags as text."""
    local = {"serviceName": service}
    return _encode([_span(span, local) for span in spans])


def _span(span: EndedSpan, local: Mapping[str, str]) -> dict[str, Any]:
    tags = {name: value if isinstance(value, str) else str(value) for name, value in span.attributes.items()}
    if span.links:  # its API has none
        tags[LINKS] = " ".join(f"{link.trace_id:032x}-{link.span_id:016x}" for link in span.links)
    if span.failed:
        tags["error"] = tags.get("error.type", "true")
    document = {
        "traceId": f"{span.trace_id:032x}",
        "id": f"{span.span_id:016x}",
        "name": span.name,
        "timestamp": span.start // 1000,
        "duration": max(1, (span.end - span.start) // 1000),
        "localEndpoint": local,
        "tags": tags,
    }
    if span.parent is not None:
        document["parentId"] = f"{span.parent.span_id:016x}"
    if span.kind in _KINDS:
        document["kind"] = _KINDS[span.kind]
    return document
