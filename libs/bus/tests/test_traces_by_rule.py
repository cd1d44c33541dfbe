"""Traces that begin in the worker, and what spans know of the records and outputs that they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from penstock.bus.memory.partition import MemoryRecord
from penstock.bus.worker.record_spans import RecordSpans
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.events import Event
from penstock.contracts.records.monitoring import Drift
from penstock.contracts.records.predictions import Prediction, PredictionData
from penstock.contracts.records.rejections import Rejection, RejectionData
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import DRIFT, EVENTS, OUTCOMES, PREDICTIONS, RECEIVED, REJECTED, Topic
from penstock.telemetry.setup import Telemetry, memory_telemetry
from penstock.telemetry.trace_choice import event_trace_id

TRACEPARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
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
DATA = PredictionData(model="loans", version=7, digest="d", epoch=3, schema=1, code="c", value="1")


class Site:
    """Batches of events through the spans of a worker: which traces there are afterwards."""

    def __init__(self, telemetry: Telemetry, exporter: InMemorySpanExporter) -> None:
        self.telemetry = telemetry
        self.exporter = exporter

    def handle(
        self, ids: Sequence[str], outputs: Sequence[AnyOutputs], topic: Topic[Any] = EVENTS, traced: Sequence[int] = ()
    ) -> list[bytes | None]:
        """The traceparents for what each record caused."""
        raw = [
            MemoryRecord(at, 0, None, b"", (("traceparent", TRACEPARENT),) if at in traced else ())
            for at in range(len(ids))
        ]
        events = [Event(source="t", id=own, time=NOON, data=None) for own in ids]
        with ExitStack() as stack:
            spans = RecordSpans(self.telemetry, "events", Batch(topic, DECLARED, 0, events, raw), stack)
            spans.follow(outputs)
            return [spans.traceparent_of(at) for at in range(len(ids))]

    def attributes(self) -> Mapping[str, object]:
        (span,) = self.exporter.get_finished_spans()
        return span.attributes or {}


@pytest.fixture
def site() -> Site:
    return Site(*memory_telemetry(sample_ratio=0.0))


def rejection(of: str) -> Rejection:
    data = RejectionData(kind="event", id=of, code="out_of_range", detail="", original="")
    return Rejection(source="t#rejected", id="r", time=NOON, data=data)


def test_a_span_knows_stream_event_epoch_and_model_version_even_of_encoded_predictions(site: Site) -> None:
    record = encode(Prediction(source="t#prediction", id="e1", time=NOON, data=DATA))
    site.handle(["e0", "e1"], [Outputs(PREDICTIONS, "loans", [record] * 2, [None] * 2, causes=(0, 1))], traced=[1])
    known = site.attributes()
    assert {name: value for name, value in known.items() if name.startswith("penstock.")} == {
        "penstock.stream": "loans",
        "penstock.event.id": "e1",
        "penstock.epoch": 3,
        "penstock.model.version": 7,
    }


def test_what_is_refused_begins_the_trace_of_its_event(site: Site) -> None:
    output = Outputs(REJECTED, "loans", [rejection("e1")], [None], causes=(1,))
    accepted, refused = site.handle(["e0", "e1"], [output], topic=RECEIVED)
    assert accepted is None
    assert refused is not None
    assert int(refused[3:35], 16) == event_trace_id("loans", "e1")
    assert site.attributes()["penstock.trace.rule"] == "rejected"
    assert site.attributes()["penstock.rejection.code"] == "out_of_range"


def test_by_rule_a_bounded_number_of_traces_begins(site: Site) -> None:
    ids = [f"e{number}" for number in range(500)]
    record = encode(Prediction(source="t#prediction", id="e1", time=NOON, data=DATA))
    notable = dict.fromkeys(range(500), "canary")
    output = Outputs(PREDICTIONS, "loans", [record] * 500, [None] * 500, causes=range(500), noticed=notable)
    headers = site.handle(ids, [output])
    assert 20 <= sum(header is not None for header in headers) < 100


def test_every_drift_begins_a_trace_of_the_event_that_tipped_it_unless_there_is_one(site: Site) -> None:
    drift = Drift(
        source="t", id="d", time=NOON, stream="loans", kind="concept", detector="scan", statistic=1, threshold=0,
        status="confirmed", outcomes=9, event_source="t", event_id="e7", epoch=2,
    )  # fmt: skip
    output = Outputs(DRIFT, None, [drift], [b"loans"], causes=(0,))
    (begun,) = site.handle(["e7"], [output], topic=OUTCOMES)
    assert begun is not None
    assert int(begun[3:35], 16) == event_trace_id("loans", "e7")
    (continued,) = site.handle(["e7"], [output], topic=OUTCOMES, traced=[0])
    assert continued is not None
    assert continued[3:35] == TRACEPARENT[3:35]


def test_where_all_is_traced_the_first_consumer_begins_what_came_without_a_trace() -> None:
    site = Site(*memory_telemetry(sample_ratio=1.0))
    (begun,) = site.handle(["e1"], [], topic=RECEIVED)
    assert begun is not None
    assert int(begun[3:35], 16) == event_trace_id("loans", "e1")
    assert site.handle(["e1"], []) == [None]
