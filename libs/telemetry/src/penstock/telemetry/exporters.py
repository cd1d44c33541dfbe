"""Sending spans to a collector without ever disturbing the service that recorded them."""

import logging
import threading
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from penstock.telemetry.environment import TracingSettings

# Spans are worth a short wait only: a service that stops waits for the one attempt in flight.
TIMEOUT_SECONDS = 3

_logger = logging.getLogger(__name__)


def build_exporter(settings: TracingSettings) -> "BestEffortExporter":
    """The exporter that the settings name, `otlp` or `zipkin`."""
    exporter = _zipkin(settings.endpoint) if settings.exporter == "zipkin" else _otlp(settings.endpoint)
    _silence_library_loggers()
    return BestEffortExporter(exporter, settings.endpoint)


# Each takes half a second to import, which a service without traces, or with the other one, does not pay for.


def _zipkin(endpoint: str) -> SpanExporter:
    from opentelemetry.exporter.zipkin.json import ZipkinExporter  # noqa: PLC0415

    exporter: SpanExporter = ZipkinExporter(endpoint=endpoint, timeout=TIMEOUT_SECONDS)
    return exporter


def _otlp(endpoint: str) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    exporter: SpanExporter = OTLPSpanExporter(endpoint=endpoint, timeout=TIMEOUT_SECONDS)
    return exporter


class BestEffortExporter(SpanExporter):
    """Drops spans that cannot be sent, with one warning, and logs when the collector accepts them again.

    After `begin_shutdown` it makes no further attempt once one has failed, so that it does not delay the stop.
    """

    def __init__(self, exporter: SpanExporter, endpoint: str) -> None:
        self._exporter = exporter
        self._endpoint = endpoint
        self._failing = False
        self._stopping = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._failing and self._stopping.is_set():
            return SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        except Exception as error:
            self._set_failing(True, str(error))
            return SpanExportResult.FAILURE
        self._set_failing(result is not SpanExportResult.SUCCESS, "refused or unreachable")
        return result

    def begin_shutdown(self) -> None:
        """The service is about to stop: abandon what cannot be sent at once."""
        self._stopping.set()
        if self._failing:
            self._exporter.shutdown()

    def shutdown(self) -> None:
        if not (self._failing and self._stopping.is_set()):
            self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def _set_failing(self, failing: bool, reason: str) -> None:
        if failing and not self._failing:
            _logger.warning("traces are dropped until %s accepts them: %s", self._endpoint, reason)
        if self._failing and not failing:
            _logger.info("traces go to %s again", self._endpoint)
        self._failing = failing


def _silence_library_loggers() -> None:
    """The libraries would log each failed attempt with a traceback; our one warning is enough."""
    for name in ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
