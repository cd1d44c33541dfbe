"""Ended spans on their way to a collector: the hot path appends to a queue, a thread does all the rest."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from penstock.telemetry.ended_span import EndedSpan

QUEUE_SPANS = 8192
BATCH_SPANS = 512
EXPORT_EVERY_S = 1.0
STOP_WITHIN_S = 5.0

_SCOPE = InstrumentationScope("penstock")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class SpanQueue:
    """Holds ended spans until they are exported, once a second; beyond 8192 the oldest are dropped."""

    def __init__(self, exporter: SpanExporter, resource: Mapping[str, str]) -> None:
        self._exporter = exporter
        self._resource = Resource.create(dict(resource))
        self._spans: deque[EndedSpan] = deque(maxlen=QUEUE_SPANS)
        self.add = self._spans.append
        self._stopping = threading.Event()
        self._exporting = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="span export", daemon=True)
        self._thread.start()

    def flush(self) -> None:
        """Export what is in the queue."""
        with self._exporting:
            while self._spans:
                count = min(BATCH_SPANS, len(self._spans))
                batch = [self._spans.popleft() for _ in range(count)]
                self._exporter.export([readable_span(span, self._resource) for span in batch])

    def stop(self) -> None:
        """Export what is in the queue, within a few seconds, and stop."""
        self._stopping.set()
        self._thread.join(STOP_WITHIN_S)
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._stopping.wait(EXPORT_EVERY_S):
            self.flush()
        self.flush()


def readable_span(span: EndedSpan, resource: Resource) -> ReadableSpan:
    """A span as the exporters of OpenTelemetry take it."""
    return ReadableSpan(
        name=span.name,
        context=SpanContext(span.trace_id, span.span_id, False, _SAMPLED),
        parent=span.parent,
        resource=resource,
        attributes=span.attributes,
        kind=span.kind,
        status=Status(StatusCode.ERROR) if span.failed else Status(),
        start_time=span.start,
        end_time=span.end,
        instrumentation_scope=_SCOPE,
    )
