"""Links: a span names the spans of other traces that led to what it wrote, as far as this process has seen them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from penstock.bus.memory.partition import MemoryRecord
from penstock.bus.worker.record_spans import RecordSpans
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.events import Event, Label, LabelData
from penstock.contracts.records.monitoring import Drift
from penstock.contracts.records.outcomes import Outcome, OutcomeData
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import TrainingRequest
from penstock.contracts.topics import DRIFT, EVENTS, LABELS, OUTCOMES, TRAINING_REQUESTS, Topic
from penstock.telemetry.setup import Telemetry, memory_telemetry

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DECLARATION = """
[stream]
name = "loans"
task = "binary"
[label]
name = "y"
classes = ["0", "1"]
[fields]
income = { type = "number" }
"""
DECLARED = StreamDeclared(source="t", id="loans-1", time=NOON, version=1, declaration=parse_declaration(DECLARATION))
EVENT = Event(source="t", id="e1", time=NOON, data=None)
LABEL = Label(source="t", id="l1", time=NOON, data=LabelData(event_id="e1", event_source="t", value="1", entity=None))
DRIFTED = Drift(
    source="t", id="d1", time=NOON, stream="loans", kind="concept", detector="scan", statistic=1, threshold=0,
    status="confirmed", outcomes=9, event_source="t", event_id="e7", epoch=2,
)  # fmt: skip
FIRST, SECOND = (b"00-%032x-%016x-01" % (number, number) for number in (1, 2))


def outcome() -> AnyOutputs:
    data = OutcomeData(fields=None, label="1", revision=0, label_time=NOON, status="joined", entity=None)
    record: Outcome[Any] = Outcome(source="t#outcome", id="e1", time=NOON, data=data)
    return Outputs(OUTCOMES, "loans", [record], [None], causes=(0,))


def request(cause: str | None) -> AnyOutputs:
    record = TrainingRequest(
        source="t", id="r1", time=NOON, cause=cause, stream="loans", fence=1, reason="drift", detail="", until=9
    )
    return Outputs(TRAINING_REQUESTS, None, [record], [b"loans"], causes=(0,))


class Site:
    """Records that a service handles one after the other, and their spans."""

    def __init__(self) -> None:
        self.telemetry: Telemetry
        self.telemetry, self.exporter = memory_telemetry(sample_ratio=0.0)

    def handle(
        self, topic: Topic[Any], record: Any, traceparent: bytes | None, outputs: Sequence[AnyOutputs] = ()
    ) -> ReadableSpan:
        """The span of a record."""
        headers = () if traceparent is None else (("traceparent", traceparent),)
        stream = DECLARED if topic.plane == "data" else None
        with ExitStack() as stack:
            batch = Batch(topic, stream, 0, [record], [MemoryRecord(0, 0, None, b"", headers)])
            RecordSpans(self.telemetry, topic.short_name, batch, stack).follow(outputs)
        span: ReadableSpan = self.exporter.get_finished_spans()[-1]
        return span


@pytest.fixture
def site() -> Site:
    return Site()


def linked(span: ReadableSpan) -> list[tuple[int, int]]:
    return [(link.context.trace_id, link.context.span_id) for link in span.links]


def ids(span: ReadableSpan) -> tuple[int, int]:
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


def test_an_outcome_that_a_label_completes_is_linked_to_its_event_of_another_trace(site: Site) -> None:
    event = site.handle(EVENTS, EVENT, FIRST)
    assert linked(event) == []
    assert linked(site.handle(LABELS, LABEL, SECOND, [outcome()])) == [ids(event)]


def test_a_span_is_linked_to_none_of_its_own_trace(site: Site) -> None:
    site.handle(EVENTS, EVENT, FIRST)
    assert linked(site.handle(LABELS, LABEL, FIRST, [outcome()])) == []


def test_a_training_that_a_later_report_led_to_is_linked_to_the_drift_that_it_answers(site: Site) -> None:
    drift = site.handle(DRIFT, DRIFTED, FIRST)
    report = DRIFTED.model_copy(update={"id": "d2", "event_id": "e9"})
    later = site.handle(DRIFT, report, None, [request("d1")])
    assert linked(later) == [ids(drift)]
    assert linked(site.handle(DRIFT, report, None, [request(None)])) == []


def test_what_was_never_traced_is_no_link(site: Site) -> None:
    with ExitStack() as stack:
        RecordSpans(
            site.telemetry, "events", Batch(EVENTS, DECLARED, 0, [EVENT], [MemoryRecord(0, 0, None, b"", ())]), stack
        )
    assert linked(site.handle(LABELS, LABEL, SECOND, [outcome()])) == []
