"""Traces through the loop: a sampled record has a span of its own, the batch's other records cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from penstock.contracts.batch import RawRecord
from penstock.telemetry.names import PROCESS
from penstock.telemetry.propagation import sampled
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import message_span


def record_spans(
    telemetry: Telemetry, topic: str, records: Sequence[RawRecord], spans: ExitStack
) -> Callable[[int], bytes | None]:
    """Open a span, kept on `spans`, for each sampled record; the answer gives what its outputs carry on."""
    headers: dict[int, bytes | None] = {}
    for index, record in enumerate(records):
        if record.headers:
            parent = sampled(record.headers)
            if parent is not None:
                span = spans.enter_context(
                    message_span(telemetry.tracer, PROCESS, topic, parent, {"messaging.kafka.offset": record.offset})
                )
                headers[index] = span.header()
    return headers.get
