"""Traces, metrics and their names."""

from penstock.telemetry.environment import BadTelemetrySetting
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry, memory_telemetry, start_telemetry
from penstock.telemetry.spans import UNTRACED, Traced, message_span, request_span

__all__ = [
    "UNTRACED",
    "BadTelemetrySetting",
    "Metrics",
    "Telemetry",
    "Traced",
    "memory_telemetry",
    "message_span",
    "request_span",
    "start_telemetry",
]
