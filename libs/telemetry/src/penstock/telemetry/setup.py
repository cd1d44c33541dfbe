"""Starting and stopping the tracing of one service."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from penstock.telemetry.ended_span import EndedSpan
from penstock.telemetry.environment import read_environment
from penstock.telemetry.exporters import build_exporter
from penstock.telemetry.readable_span import readable_span
from penstock.telemetry.recent_spans import RecentSpans
from penstock.telemetry.span_queue import SpanQueue
from penstock.telemetry.trace_choice import RULE_TRACES_PER_SECOND, RateBound, TraceChoice


def _by_rule() -> RateBound:
    return RateBound(RULE_TRACES_PER_SECOND)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A service's tracing; nothing global is set, so two services in one process have one each.

    Attributes:
        record: takes a span that has ended; None: no span is recorded, and traces pass through.
        shutdown: sends the spans in the queue and stops, within a few seconds.
        flush: sends the spans in the queue.
        choice: which new traces are recorded by chance.
        by_rule: how many new traces of a stream are recorded by rule.
        recent: the spans that later ones may be linked to.
    """

    record: Callable[[EndedSpan], None] | None
    shutdown: Callable[[], None]
    flush: Callable[[], object]
    choice: TraceChoice = field(default_factory=lambda: TraceChoice(1.0))
    by_rule: RateBound = field(default_factory=_by_rule)
    recent: RecentSpans = field(default_factory=RecentSpans)


def start_telemetry(service: str, sample_ratio: float = 0.01, environ: Mapping[str, str] = os.environ) -> Telemetry:
    """Start tracing as the `OTEL_*` variables say; without them nothing is recorded or sent.

    A collector that is slow, down or wrong costs spans and one warning, nothing else: spans wait in a queue of 8192,
    beyond which the oldest are dropped.

    Args:
        service: the service's name.
        sample_ratio: the share of new traces that are recorded, unless `OTEL_TRACES_SAMPLER_ARG` is set.
        environ: the environment variables.

    Raises:
        BadTelemetrySetting: a variable has an invalid value.
    """
    settings = read_environment(service, sample_ratio, environ)
    if settings.exporter == "none":
        return Telemetry(None, _do_nothing, _do_nothing, TraceChoice(0.0))
    exporter = build_exporter(settings)
    queue = SpanQueue(exporter)

    def stop() -> None:
        exporter.begin_shutdown()
        queue.stop()

    return Telemetry(queue.add, stop, queue.flush, TraceChoice(settings.ratio, settings.traces_per_second))


def memory_telemetry(service: str = "memory", sample_ratio: float = 1.0) -> tuple[Telemetry, InMemorySpanExporter]:
    """Tracing into memory, for tests: the exporter's `get_finished_spans()` has each span as soon as it ends."""
    exporter, resource = InMemorySpanExporter(), Resource.create({"service.name": service})

    def record(span: EndedSpan) -> None:
        exporter.export([readable_span(span, resource)])

    return Telemetry(record, exporter.shutdown, _do_nothing, TraceChoice(sample_ratio)), exporter


def _do_nothing() -> None:
    """Nothing is recorded, so nothing is sent."""
