"""Log lines sent to a collector, by OTLP over HTTP."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from typing import Any

from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from penstock.telemetry.environment import read_log_endpoint, service_resource
from penstock.telemetry.logs.log_trace import SPAN_ID, TRACE_ID

_SEVERITIES = {
    logging.DEBUG: (SeverityNumber.DEBUG, "DEBUG"),
    logging.INFO: (SeverityNumber.INFO, "INFO"),
    logging.WARNING: (SeverityNumber.WARN, "WARN"),
    logging.ERROR: (SeverityNumber.ERROR, "ERROR"),
    logging.CRITICAL: (SeverityNumber.FATAL, "FATAL"),
}
_TIMEOUT_SECONDS = 3


def otlp_handler(service: str, environ: Mapping[str, str]) -> logging.Handler | None:
    """The handler that sends lines to the collector that the environment names, None where it names none.

    Raises:
        BadTelemetrySetting: `OTEL_LOGS_EXPORTER` has an invalid value.
    """
    endpoint = read_log_endpoint(environ)
    return (
        None if endpoint is None else _OtlpHandler(_logger(endpoint, service_resource(f"penstock-{service}", environ)))
    )


def _logger(endpoint: str, resource: Mapping[str, str]) -> Logger:
    # They take half a second to import, which a process that sends no lines does not pay for.
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415
    from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

    provider = LoggerProvider(Resource.create(dict(resource)))
    exporter = OTLPLogExporter(endpoint=endpoint, timeout=_TIMEOUT_SECONDS)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, schedule_delay_millis=1000))
    return provider.get_logger("penstock")


class _OtlpHandler(logging.Handler):
    def __init__(self, logger: Logger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        number, text = _SEVERITIES.get(record.levelno, (SeverityNumber.UNSPECIFIED, record.levelname))
        self._logger.emit(
            LogRecord(
                timestamp=int(record.created * 1e9),
                context=_context(record),
                severity_number=number,
                severity_text=text,
                body=record.getMessage(),
                attributes=_attributes(record),
            )
        )


def _context(record: logging.LogRecord) -> Context:
    trace_id, span_id = record.__dict__.get(TRACE_ID), record.__dict__.get(SPAN_ID)
    if trace_id is None or span_id is None:
        return Context()
    span = SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(span), Context())


def _attributes(record: logging.LogRecord) -> dict[str, Any]:
    """The line's own fields, whose names have a dot, and the error, by the semantic conventions."""
    attributes = {name: value for name, value in record.__dict__.items() if "." in name}
    attributes["log.logger"] = record.name
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        attributes["exception.type"] = type(error).__name__
        attributes["exception.message"] = str(error)
        attributes["exception.stacktrace"] = "".join(traceback.format_exception(error))
    return {name: value for name, value in attributes.items() if name not in (TRACE_ID, SPAN_ID)}
