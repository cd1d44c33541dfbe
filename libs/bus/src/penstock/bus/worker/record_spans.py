"""Traces through the worker: a sampled record has a span of its own, the batch's other records cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from penstock.contracts.batch import RawRecord
from penstock.telemetry.names import PROCESS
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import message_span
from penstock.telemetry.traceparent import sampled_traceparent


def record_spans(
    telemetry: Telemetry, topic: str, records: Sequence[RawRecord], spans: ExitStack
) -> Callable[[int], bytes | None]:
    """Open a span on `spans` for each sampled record; the result gives the traceparent of its outputs by index."""
    traceparents: dict[int, bytes | None] = {}
    for index, record in enumerate(records):
        if record.headers:
            parent = sampled_traceparent(record.headers)
            if parent is not None:
                span = spans.enter_context(
                    message_span(telemetry.tracer, PROCESS, topic, parent, {"messaging.kafka.offset": record.offset})
                )
                traceparents[index] = span.header()
    return traceparents.get
