"""Log lines of a service: plain on a terminal, else JSON in Elastic's field names; over OTLP too where it is set."""

from penstock.telemetry.logs.log_trace import log_trace, log_trace_of_request, trace_fields
from penstock.telemetry.logs.start import start_logging

__all__ = ["log_trace", "log_trace_of_request", "start_logging", "trace_fields"]
