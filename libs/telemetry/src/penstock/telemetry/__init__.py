"""Traces and metrics of a service, and their names."""

from penstock.telemetry.environment import BadTelemetrySetting
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry, memory_telemetry, start_telemetry
from penstock.telemetry.spans import UNTRACED, SpanHandle, message_span, request_span

__all__ = [
    "UNTRACED",
    "BadTelemetrySetting",
    "Metrics",
    "SpanHandle",
    "Telemetry",
    "memory_telemetry",
    "message_span",
    "request_span",
    "start_telemetry",
]
