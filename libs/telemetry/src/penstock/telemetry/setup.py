"""Starting and stopping the tracing of one service."""

import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer, Tracer

from penstock.telemetry.environment import read_environment
from penstock.telemetry.exporters import build_exporter
from penstock.telemetry.sampler import build_sampler

_SCOPE = "penstock"
_QUEUE_SIZE = 8192  # spans
_BATCH_SIZE = 512  # spans
_EXPORT_INTERVAL_MS = 1000


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A service's tracing; nothing global is set, so two services in one process have one each.

    Attributes:
        tracer: starts spans.
        shutdown: sends the spans in the queue and stops, within a few seconds.
        flush: sends the spans in the queue.
        ratio: the share of new traces that are recorded, 0 to 1.
    """

    tracer: Tracer
    shutdown: Callable[[], None]
    flush: Callable[[], object]
    ratio: float = 1.0

    def should_sample(self) -> bool:
        """Decide at random, by the ratio, whether a new trace is recorded, before anything is created for it."""
        return self.ratio > 0 and random.random() < self.ratio


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
        return Telemetry(NoOpTracer(), _do_nothing, _do_nothing, ratio=0.0)
    exporter = build_exporter(settings)
    provider = _provider(settings.resource, settings.ratio)
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=_QUEUE_SIZE,
            schedule_delay_millis=_EXPORT_INTERVAL_MS,
            max_export_batch_size=_BATCH_SIZE,
        )
    )

    def stop() -> None:
        exporter.begin_shutdown()
        provider.shutdown()

    return Telemetry(provider.get_tracer(_SCOPE), stop, provider.force_flush, settings.ratio)


def memory_telemetry(service: str = "memory", sample_ratio: float = 1.0) -> tuple[Telemetry, InMemorySpanExporter]:
    """Tracing into memory, for tests: the exporter's `get_finished_spans()` has each span as soon as it ends."""
    exporter = InMemorySpanExporter()
    provider = _provider({"service.name": service}, sample_ratio)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry = Telemetry(provider.get_tracer(_SCOPE), provider.shutdown, provider.force_flush, sample_ratio)
    return telemetry, exporter


def _provider(resource: Mapping[str, str], ratio: float) -> TracerProvider:
    return TracerProvider(
        sampler=build_sampler(ratio), resource=Resource.create(dict(resource)), shutdown_on_exit=False
    )


def _do_nothing() -> None:
    """Nothing is recorded, so nothing is sent."""
