"""Sending spans without ever disturbing the service that made them."""

import logging
import threading
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from penstock.telemetry.environment import Tracing

# Spans are worth a short wait only: a stopping service waits for the one attempt in flight.
TIMEOUT_SECONDS = 3

_logger = logging.getLogger(__name__)


def exporter_for(tracing: Tracing) -> "PatientExporter":
    """The exporter that the settings name, made harmless."""
    inner = _zipkin(tracing.endpoint) if tracing.exporter == "zipkin" else _otlp(tracing.endpoint)
    _quieten()
    return PatientExporter(inner, tracing.endpoint)


# Each brings half a second of imports, which a service without traces, or with the other one, need not pay.


def _zipkin(endpoint: str) -> SpanExporter:
    from opentelemetry.exporter.zipkin.json import ZipkinExporter  # noqa: PLC0415

    exporter: SpanExporter = ZipkinExporter(endpoint=endpoint, timeout=TIMEOUT_SECONDS)
    return exporter


def _otlp(endpoint: str) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    exporter: SpanExporter = OTLPSpanExporter(endpoint=endpoint, timeout=TIMEOUT_SECONDS)
    return exporter


class PatientExporter(SpanExporter):
    """Drops what cannot be sent, says so once, and says when it works again.

    Once hurried, it tries no more after the first failure, so that a stop is not held up.
    """

    def __init__(self, inner: SpanExporter, endpoint: str) -> None:
        self._inner = inner
        self._endpoint = endpoint
        self._failing = False
        self._hurried = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._failing and self._hurried.is_set():
            return SpanExportResult.FAILURE
        try:
            result = self._inner.export(spans)
        except Exception as error:
            self._note(True, str(error))
            return SpanExportResult.FAILURE
        self._note(result is not SpanExportResult.SUCCESS, "refused or unreachable")
        return result

    def hurry(self) -> None:
        """The service stops: send what can be sent at once."""
        self._hurried.set()
        if self._failing:
            self._inner.shutdown()

    def shutdown(self) -> None:
        if not (self._failing and self._hurried.is_set()):
            self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def _note(self, failing: bool, reason: str) -> None:
        if failing and not self._failing:
            _logger.warning("traces are dropped until %s takes them: %s", self._endpoint, reason)
        if self._failing and not failing:
            _logger.info("traces go to %s again", self._endpoint)
        self._failing = failing


def _quieten() -> None:
    """One warning is ours; the exporters would log each attempt, with tracebacks."""
    for name in ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
