"""A span that has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opentelemetry.trace import SpanContext, SpanKind
from opentelemetry.util.types import AttributeValue


@dataclass(frozen=True, slots=True)
class EndedSpan:
    """What is known of a span at its end; times are nanoseconds since 1970. `links` are spans of other traces."""

    name: str
    kind: SpanKind
    trace_id: int
    span_id: int
    parent: SpanContext | None
    start: int
    end: int
    attributes: Mapping[str, AttributeValue]
    failed: bool
    links: Sequence[SpanContext] = ()
