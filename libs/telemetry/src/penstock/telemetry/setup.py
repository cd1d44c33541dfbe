"""Starting and stopping the traces of one service."""

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
from penstock.telemetry.exporters import exporter_for
from penstock.telemetry.sampler import sampler

_SCOPE = "penstock"
_QUEUE = 8192
_BATCH = 512
_EVERY_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A service's tracer; `shutdown` sends what is left and stops it, in a few seconds at most.

    Nothing global is set: two services in one process have each their own. `ratio` is the share of new traces that
    are recorded.
    """

    tracer: Tracer
    shutdown: Callable[[], None]
    flush: Callable[[], object]
    ratio: float = 1.0

    def draws(self) -> bool:
        """Whether a trace that starts here is to be recorded: a coin thrown before anything is made for it."""
        return self.ratio > 0 and random.random() < self.ratio


def start_telemetry(service: str, sample_ratio: float = 0.01, environ: Mapping[str, str] = os.environ) -> Telemetry:
    """Tracing as the `OTEL_*` variables say; without them nothing is recorded or sent.

    `sample_ratio` is the share of new traces that are recorded, unless `OTEL_TRACES_SAMPLER_ARG` is set.
    A collector that is slow, down or wrong costs spans, one warning and nothing else: spans wait in a queue
    of 8192, beyond which the oldest are dropped. Raises `BadTelemetrySetting` if a variable is wrong.
    """
    tracing = read_environment(service, sample_ratio, environ)
    if tracing.exporter == "none":
        return Telemetry(NoOpTracer(), _nothing, _nothing, ratio=0.0)
    exporter = exporter_for(tracing)
    provider = _provider(tracing.resource, tracing.ratio)
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=_QUEUE,
            schedule_delay_millis=_EVERY_MILLISECONDS,
            max_export_batch_size=_BATCH,
        )
    )

    def stop() -> None:
        exporter.hurry()
        provider.shutdown()

    return Telemetry(provider.get_tracer(_SCOPE), stop, provider.force_flush, tracing.ratio)


def memory_telemetry(service: str = "memory", sample_ratio: float = 1.0) -> tuple[Telemetry, InMemorySpanExporter]:
    """Tracing into memory, for tests: finished spans are in `get_finished_spans()` at once."""
    exporter = InMemorySpanExporter()
    provider = _provider({"service.name": service}, sample_ratio)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry = Telemetry(provider.get_tracer(_SCOPE), provider.shutdown, provider.force_flush, sample_ratio)
    return telemetry, exporter


def _provider(resource: Mapping[str, str], ratio: float) -> TracerProvider:
    return TracerProvider(sampler=sampler(ratio), resource=Resource.create(dict(resource)), shutdown_on_exit=False)


def _nothing() -> None:
    """There is nothing to send."""
