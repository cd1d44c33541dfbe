"""Spans of messages and of HTTP requests, recorded in memory."""

from collections.abc import Mapping
from contextlib import ExitStack

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from penstock.telemetry import (
    UNTRACED,
    Telemetry,
    memory_telemetry,
    message_span,
    names,
    request_span,
    start_telemetry,
)
from penstock.telemetry.spans import _rule_of, send_spans
from penstock.telemetry.trace_choice import TraceChoice, event_trace_id
from penstock.telemetry.traceparent import is_sampled, parse_traceparent

PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = PARENT[:-1] + b"0"


@pytest.fixture(name="memory")
def _memory() -> tuple[Telemetry, InMemorySpanExporter]:
    return memory_telemetry(sample_ratio=0.0)


@pytest.fixture(name="telemetry")
def _telemetry(memory: tuple[Telemetry, InMemorySpanExporter]) -> Telemetry:
    return memory[0]


@pytest.fixture(name="finished")
def _finished(memory: tuple[Telemetry, InMemorySpanExporter]) -> "FinishedSpans":
    return FinishedSpans(memory[1])


class FinishedSpans:
    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self.exporter = exporter

    def only(self) -> ReadableSpan:
        (span,) = self.exporter.get_finished_spans()
        return span

    def attributes(self) -> Mapping[str, object]:
        return self.only().attributes or {}

    def __len__(self) -> int:
        return len(self.exporter.get_finished_spans())


def test_one_trace_continues_through_every_hop(telemetry: Telemetry, finished: FinishedSpans) -> None:
    with (
        request_span(telemetry, "POST", "/streams/{stream}/events", PARENT) as request,
        message_span(telemetry, names.SEND, "received", request.header()) as send,
    ):
        hop = send.header()
    with message_span(telemetry, names.PROCESS, "received", hop) as process:
        assert process.header() is not None
    spans = finished.exporter.get_finished_spans()
    assert {span.context.trace_id for span in spans} == {int(PARENT[3:35], 16)}
    by_id = {span.context.span_id: span for span in spans}
    span = next(span for span in spans if span.kind is SpanKind.CONSUMER)
    path = [span.name]
    while span.parent and span.parent.span_id in by_id:
        span = by_id[span.parent.span_id]
        path.append(span.name)
    assert path == ["process received", "send received", "POST /streams/{stream}/events"]


@pytest.mark.parametrize("parent", [None, UNSAMPLED, b"", b"\xff" * 55])
def test_an_unsampled_message_shares_one_object_that_does_nothing(
    telemetry: Telemetry, finished: FinishedSpans, parent: bytes | None
) -> None:
    with message_span(telemetry, names.PROCESS, "events", parent, {names.EVENT_ID: "1"}) as span:
        assert span is UNTRACED
        assert span.header() is None
    assert len(finished) == 0


def test_a_control_message_always_starts_a_trace(telemetry: Telemetry, finished: FinishedSpans) -> None:
    with message_span(telemetry, names.SEND, "models", None, {names.EPOCH: 3}, begin=0) as span:
        header = span.header()
    assert header is not None
    assert is_sampled(header)
    assert finished.attributes()[names.EPOCH] == 3
    assert finished.only().parent is None


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        (names.SEND, SpanKind.PRODUCER),
        (names.RECEIVE, SpanKind.CLIENT),
        (names.PROCESS, SpanKind.CONSUMER),
    ],
)
def test_message_spans_have_the_conventional_attributes(
    telemetry: Telemetry, finished: FinishedSpans, operation: str, kind: SpanKind
) -> None:
    with message_span(telemetry, operation, "events", PARENT) as span:
        span.set({names.STREAM: "power"})
    assert finished.only().kind is kind
    assert finished.attributes() == {
        "messaging.system": "kafka",
        "messaging.destination.name": "events",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "penstock.stream": "power",
    }


def test_spans_of_one_batch_may_overlap(telemetry: Telemetry, finished: FinishedSpans) -> None:
    first = message_span(telemetry, names.PROCESS, "events", PARENT)
    with message_span(telemetry, names.PROCESS, "events", PARENT):
        first.__enter__()
    first.__exit__(None, None, None)
    parent = parse_traceparent(PARENT)
    assert [span.parent for span in finished.exporter.get_finished_spans()] == [parent, parent]


def fail(telemetry: Telemetry) -> None:
    with message_span(telemetry, names.PROCESS, "events", PARENT):
        raise RuntimeError("secret of the event")


def test_a_failure_is_marked_without_its_text(telemetry: Telemetry, finished: FinishedSpans) -> None:
    with pytest.raises(RuntimeError):
        fail(telemetry)
    assert finished.attributes()["error.type"] == "RuntimeError"
    assert not finished.only().status.is_ok
    assert "secret" not in finished.only().to_json()


def test_a_request_with_a_sampled_parent_is_always_recorded(telemetry: Telemetry, finished: FinishedSpans) -> None:
    with request_span(telemetry, "POST", "/predict", PARENT) as span:
        span.status(503)
    assert finished.attributes() == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 503,
        "error.type": "503",
    }
    assert finished.only().parent == parse_traceparent(PARENT)


@pytest.mark.parametrize("parent", [None, UNSAMPLED, b"", b"nonsense"])
def test_another_request_that_is_quick_and_good_has_no_span(
    telemetry: Telemetry, finished: FinishedSpans, parent: bytes | None
) -> None:
    with request_span(telemetry, "POST", "/predict", parent) as span:
        span.status(200)
        assert span.header() is None
    assert len(finished) == 0


def test_a_refused_request_is_traced_by_rule_in_the_trace_of_its_event(
    telemetry: Telemetry, finished: FinishedSpans
) -> None:
    with request_span(telemetry, "POST", "/events", None) as span:
        span.set({names.STREAM: "loans", names.EVENT_ID: "e1"})
        span.status(422)
    assert finished.attributes()[names.RULE] == "rejected"
    assert finished.only().context.trace_id == event_trace_id("loans", "e1")


def test_a_slow_request_is_traced_by_rule() -> None:
    assert [_rule_of(200, seconds) for seconds in (0.5, 1.5)] == [None, "slow"]


def test_by_rule_at_most_twenty_traces_of_a_stream_begin_a_second(
    telemetry: Telemetry, finished: FinishedSpans
) -> None:
    for stream in ("loans", "power"):
        for _ in range(200):
            with request_span(telemetry, "POST", "/events", None) as span:
                span.set({names.STREAM: stream})
                span.status(400)
    assert 40 <= len(finished) < 100


def test_of_the_records_of_a_request_those_chosen_by_their_ids_begin_traces() -> None:
    telemetry, exporter = memory_telemetry(sample_ratio=0.1)
    ids = [f"e{number}" for number in range(1000)]
    with ExitStack() as spans:
        headers = send_spans(telemetry, "received", "loans", ids, None, spans)
    assert 50 < len(headers) < 150
    assert all(telemetry.choice.chooses(ids[index]) for index in headers)
    for index, header in headers.items():
        assert int(header[3:35], 16) == event_trace_id("loans", ids[index])
    assert {span.attributes[names.EVENT_ID] for span in exporter.get_finished_spans() if span.attributes} == {
        ids[index] for index in headers
    }


def test_a_traced_request_goes_on_with_its_first_record(telemetry: Telemetry) -> None:
    with ExitStack() as spans:
        headers = send_spans(telemetry, "received", "loans", ["e1", "e2"], PARENT, spans)
    assert {index: header[3:35] for index, header in headers.items()} == {0: PARENT[3:35]}


def test_chosen_traces_are_bounded_too() -> None:
    choice = TraceChoice(1.0, per_second=5)
    assert 5 <= sum(choice.chooses(f"e{number}") for number in range(1000)) < 20


def test_without_an_exporter_a_trace_passes_through_unchanged() -> None:
    telemetry = start_telemetry("validator", environ={})
    with request_span(telemetry, "POST", "/predict", PARENT) as request:
        assert request.header() == PARENT
    with message_span(telemetry, names.PROCESS, "events", PARENT) as message:
        message.set({names.EPOCH: 1})
        assert message.header() == PARENT
    with message_span(telemetry, names.SEND, "models", None, begin=0) as message:
        assert message.header() is None


def test_a_span_is_linked_once_to_each_span_of_another_trace() -> None:
    telemetry, spans = memory_telemetry()
    other = b"00-%032x-%016x-01" % (7, 8)
    with message_span(telemetry, names.PROCESS, "labels", PARENT) as span:
        for traceparent in (other, other, PARENT, b"odd"):
            span.link(traceparent)
    (ended,) = spans.get_finished_spans()
    assert [(link.context.trace_id, link.context.span_id) for link in ended.links] == [(7, 8)]
