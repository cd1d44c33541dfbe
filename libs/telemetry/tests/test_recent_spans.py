"""What is remembered of spans is bounded: the newest subjects, and of each a few traces."""

from __future__ import annotations

from penstock.telemetry.recent_spans import MOST_SUBJECTS, MOST_TRACES, RecentSpans


def traceparent(trace: int, span: int = 1) -> bytes:
    return b"00-%032x-%016x-01" % (trace, span)


def test_of_one_trace_the_newest_span_counts() -> None:
    spans = RecentSpans()
    for span in (1, 2):
        spans.add(("e1",), traceparent(5, span))
    assert spans.of(("e1",)) == (traceparent(5, 2),)


def test_the_oldest_subjects_and_traces_are_forgotten() -> None:
    spans = RecentSpans()
    for number in range(MOST_SUBJECTS + 5):
        spans.add((str(number),), traceparent(1))
    for trace in range(1, MOST_TRACES + 3):
        spans.add(("often",), traceparent(trace))
    assert spans.of(("4",)) == ()
    assert len(spans.of((str(MOST_SUBJECTS + 4),))) == 1
    assert [int(one[3:35], 16) for one in spans.of(("often",))] == list(range(3, MOST_TRACES + 3))
