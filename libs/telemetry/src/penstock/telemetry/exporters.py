"""Sending spans to a collector without ever disturbing the service that recorded them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExportResult

from penstock.telemetry.ended_span import EndedSpan
from penstock.telemetry.environment import TracingSettings
from penstock.telemetry.readable_span import readable_span
from penstock.telemetry.zipkin import send_to_zipkin

# Spans are worth a short wait only: a service that stops waits for the one attempt in flight.
TIMEOUT_SECONDS = 3

Send = Callable[[Sequence[EndedSpan]], None]
"""Sends spans; raises an exception where they were not taken."""

_logger = logging.getLogger(__name__)


class NotTaken(Exception):
    """The collector refused the spans, or is unreachable."""


def build_exporter(settings: TracingSettings) -> BestEffortExporter:
    """The exporter that the settings name, `otlp` or `zipkin`."""
    if settings.exporter == "zipkin":
        service = settings.resource["service.name"]
        return BestEffortExporter(
            lambda spans: send_to_zipkin(settings.endpoint, service, spans, TIMEOUT_SECONDS), settings.endpoint
        )
    send, shut_down = _otlp(settings)
    return BestEffortExporter(send, settings.endpoint, shut_down)


def _otlp(settings: TracingSettings) -> tuple[Send, Callable[[], None]]:
    # It takes half a second to import, which a service without traces, or with Zipkin, does not pay for.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    for name in ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # they log each failed attempt with a traceback
    exporter = OTLPSpanExporter(endpoint=settings.endpoint, timeout=TIMEOUT_SECONDS)
    return partial(_send_otlp, exporter.export, Resource.create(dict(settings.resource))), exporter.shutdown


def _send_otlp(export: Callable[..., SpanExportResult], resource: Resource, spans: Sequence[EndedSpan]) -> None:
    if export([readable_span(span, resource) for span in spans]) is not SpanExportResult.SUCCESS:
        raise NotTaken("refused or unreachable")


def _do_nothing() -> None:
    """There is nothing to shut down."""


class BestEffortExporter:
    """Drops spans that cannot be sent, with one warning, and logs when the collector accepts them again.

    After `begin_shutdown` it makes no further attempt once one has failed, so that it does not delay the stop.
    """

    def __init__(self, send: Send, endpoint: str, shut_down: Callable[[], None] = _do_nothing) -> None:
        self._send = send
        self._endpoint = endpoint
        self._shut_down = shut_down
        self._failing = False
        self._stopping = threading.Event()

    def export(self, spans: Sequence[EndedSpan]) -> None:
        """Send spans, or drop them."""
        if self._failing and self._stopping.is_set():
            return
        try:
            self._send(spans)
        except Exception as error:
            self._set_failing(True, str(error))
        else:
            self._set_failing(False, "")

    def begin_shutdown(self) -> None:
        """The service is about to stop: abandon what cannot be sent at once."""
        self._stopping.set()
        if self._failing:
            self._shut_down()

    def shutdown(self) -> None:
        """Send no more."""
        if not (self._failing and self._stopping.is_set()):
            self._shut_down()

    def _set_failing(self, failing: bool, reason: str) -> None:
        if failing and not self._failing:
            _logger.warning("traces are dropped until %s accepts them: %s", self._endpoint, reason)
        if self._failing and not failing:
            _logger.info("traces go to %s again", self._endpoint)
        self._failing = failing
