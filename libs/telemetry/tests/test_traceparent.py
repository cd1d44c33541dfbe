"""The traceparent header: every valid one is read, everything else is ignored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import INVALID_SPAN, SpanContext, TraceFlags
from opentelemetry.trace.propagation import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from penstock.telemetry.traceparent import format_traceparent, is_sampled, parse_traceparent, sampled_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

contexts = st.builds(
    SpanContext,
    st.integers(1, (1 << 128) - 1),
    st.integers(1, (1 << 64) - 1),
    st.just(True),
    st.integers(0, 255).map(TraceFlags),
)
near_valid = st.from_regex(rb"\A[0-9a-fA-F]{2}-[0-9a-f]{31,33}-[0-9a-f]{15,17}-[0-9a-f]{1,3}(-.*)?\Z")


def header(flags: str = "01", version: str = "00", trace: str = TRACE, span: str = SPAN) -> bytes:
    return f"{version}-{trace}-{span}-{flags}".encode()


@given(contexts)
def test_a_context_survives_the_header(context: SpanContext) -> None:
    assert parse_traceparent(format_traceparent(context)) == context
    assert is_sampled(format_traceparent(context)) == context.trace_flags.sampled


@given(st.binary(max_size=80) | near_valid)
def test_no_header_raises(raw: bytes) -> None:
    context = parse_traceparent(raw)
    assert context is None or context.is_valid
    assert is_sampled(raw) == (context is not None and context.trace_flags.sampled)


@given(contexts.map(format_traceparent) | near_valid)
def test_the_libraries_own_propagator_reads_the_same_trace(raw: bytes) -> None:
    context = parse_traceparent(raw)
    library_span = get_current_span(TraceContextTextMapPropagator().extract({"traceparent": raw.decode("latin-1")}))
    if context is not None:
        assert library_span is not INVALID_SPAN
        assert library_span.get_span_context().trace_id == context.trace_id
        assert library_span.get_span_context().span_id == context.span_id


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        header(version="ff"),
        header(trace="0" * 32),
        header(span="0" * 16),
        header(trace=TRACE.upper()),
        header() + b"-more",
        header() + b"\n",
        header(version="01") + b"more",
        b" " + header(),
        b"\xff" * 55,
    ],
)
def test_malformed_headers_are_ignored(raw: bytes) -> None:
    assert parse_traceparent(raw) is None
    assert sampled_traceparent([("traceparent", raw)]) is None


@pytest.mark.parametrize(("flags", "expected"), [("00", False), ("01", True), ("02", False), ("03", True)])
def test_the_lowest_bit_of_the_flags_means_sampled(flags: str, expected: bool) -> None:
    assert is_sampled(header(flags)) is expected
    assert sampled_traceparent([("traceparent", header(flags))]) == (header(flags) if expected else None)


def test_a_later_version_may_add_more() -> None:
    assert parse_traceparent(header(version="01") + b"-more") == parse_traceparent(header())


def test_the_header_is_read_among_others() -> None:
    assert sampled_traceparent([]) is None
    assert sampled_traceparent([("id", b"7")]) is None
    assert sampled_traceparent([("id", b"7"), ("traceparent", header())]) == header()
    assert sampled_traceparent([("traceparent", None)]) is None
