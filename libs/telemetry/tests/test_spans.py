"""Spans of messages and of HTTP requests, recorded in memory."""

from collections.abc import Mapping

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer, SpanKind, Tracer

from penstock.telemetry import (
    UNTRACED,
    Telemetry,
    memory_telemetry,
    message_span,
    names,
    request_span,
)
from penstock.telemetry.spans import sampled_request_span
from penstock.telemetry.traceparent import is_sampled, parse_traceparent

PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = PARENT[:-1] + b"0"
HTTP = {"traceparent": PARENT.decode()}


@pytest.fixture(name="memory")
def _memory() -> tuple[Telemetry, InMemorySpanExporter]:
    return memory_telemetry(sample_ratio=0.0)


@pytest.fixture(name="tracer")
def _tracer(memory: tuple[Telemetry, InMemorySpanExporter]) -> Tracer:
    return memory[0].tracer


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


def test_one_trace_continues_through_every_hop(tracer: Tracer, finished: FinishedSpans) -> None:
    with (
        request_span(tracer, "POST", "/streams/{stream}/events", HTTP) as request,
        message_span(tracer, names.SEND, "received", request.header()) as send,
    ):
        hop = send.header()
    with message_span(tracer, names.PROCESS, "received", hop) as process:
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
    tracer: Tracer, finished: FinishedSpans, parent: bytes | None
) -> None:
    with message_span(tracer, names.PROCESS, "events", parent, {names.EVENT_ID: "1"}) as span:
        assert span is UNTRACED
        assert span.header() is None
    assert len(finished) == 0


def test_a_control_message_always_starts_a_trace(tracer: Tracer, finished: FinishedSpans) -> None:
    with message_span(tracer, names.SEND, "models", None, {names.EPOCH: 3}, always=True) as span:
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
    tracer: Tracer, finished: FinishedSpans, operation: str, kind: SpanKind
) -> None:
    with message_span(tracer, operation, "events", PARENT) as span:
        span.set({names.STREAM: "power"})
    assert finished.only().kind is kind
    assert finished.attributes() == {
        "messaging.system": "kafka",
        "messaging.destination.name": "events",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "penstock.stream": "power",
    }


def test_spans_of_one_batch_may_overlap(tracer: Tracer, finished: FinishedSpans) -> None:
    first = message_span(tracer, names.PROCESS, "events", PARENT)
    with message_span(tracer, names.PROCESS, "events", PARENT):
        first.__enter__()
    first.__exit__(None, None, None)
    parent = parse_traceparent(PARENT)
    assert [span.parent for span in finished.exporter.get_finished_spans()] == [parent, parent]


def fail(tracer: Tracer) -> None:
    with message_span(tracer, names.PROCESS, "events", PARENT):
        raise RuntimeError("secret of the event")


def test_a_failure_is_marked_without_its_text(tracer: Tracer, finished: FinishedSpans) -> None:
    with pytest.raises(RuntimeError):
        fail(tracer)
    assert finished.attributes()["error.type"] == "RuntimeError"
    assert not finished.only().status.is_ok
    assert "secret" not in finished.only().to_json()


def test_a_request_with_a_sampled_parent_is_always_recorded(tracer: Tracer, finished: FinishedSpans) -> None:
    with request_span(tracer, "POST", "/predict", HTTP) as span:
        span.status(503)
    assert finished.attributes() == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 503,
        "error.type": "503",
    }
    assert finished.only().parent == parse_traceparent(PARENT)


@pytest.mark.parametrize("header", ["", "nonsense", "é" * 55, "\u4e2d", UNSAMPLED.decode()])
def test_other_requests_are_recorded_by_the_ratio(tracer: Tracer, finished: FinishedSpans, header: str) -> None:
    with request_span(tracer, "GET", "/predict", {"traceparent": header}) as span:
        span.status(200)
        assert span.header() is None
    assert len(finished) == 0
    everything, exporter = memory_telemetry(sample_ratio=1.0)
    with request_span(everything.tracer, "GET", "/predict", {}) as span:
        assert span.header() is not None
    assert len(exporter.get_finished_spans()) == 1


@pytest.mark.parametrize(
    ("ratio", "parent", "recorded"),
    [
        (0.0, None, False),
        (1.0, None, True),
        (0.0, PARENT, True),
        (1.0, UNSAMPLED, False),
        (0.0, b"nonsense", False),
        (1.0, b"nonsense", True),
    ],
)
def test_on_the_hot_path_the_same_requests_are_recorded(ratio: float, parent: bytes | None, recorded: bool) -> None:
    telemetry, exporter = memory_telemetry(sample_ratio=ratio)
    with sampled_request_span(telemetry, "POST", "/predict", parent) as span:
        span.status(200)
        assert (span.header() is not None) == recorded
    assert len(exporter.get_finished_spans()) == recorded


def test_of_the_requests_without_a_trace_the_share_is_sampled() -> None:
    telemetry, exporter = memory_telemetry(sample_ratio=0.5)
    for _ in range(400):
        with sampled_request_span(telemetry, "POST", "/predict", None):
            pass
    assert 100 < len(exporter.get_finished_spans()) < 300


def test_without_an_exporter_a_trace_passes_through_unchanged() -> None:
    tracer = NoOpTracer()
    with request_span(tracer, "POST", "/predict", HTTP) as request:
        assert request.header() == PARENT
    with message_span(tracer, names.PROCESS, "events", PARENT) as message:
        message.set({names.EPOCH: 1})
        assert message.header() == PARENT
    with message_span(tracer, names.SEND, "models", None, always=True) as message:
        assert message.header() is None
