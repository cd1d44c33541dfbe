"""The newest spans by what they were about, so that a later span of another trace can be linked to what led to it."""

from __future__ import annotations

from collections.abc import Sequence

MOST_SUBJECTS = 10_000
MOST_TRACES = 4  # of one subject

Subject = tuple[str, ...]
"""What names a record or an event: the kind of its id, its stream, and its id."""


class RecentSpans:
    """The traceparents of spans by their subject, of each trace the newest one. A restart forgets them.

    >>> spans = RecentSpans()
    >>> spans.add(("event", "loans", "e1"), b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    >>> len(spans.of(("event", "loans", "e1"))), spans.of(("event", "loans", "e2"))
    (1, ())
    """

    def __init__(self) -> None:
        self._by_subject: dict[Subject, dict[bytes, bytes]] = {}

    def add(self, subject: Subject, traceparent: bytes) -> None:
        """Remember a span; beyond 10,000 subjects the oldest are forgotten."""
        traces = self._by_subject.pop(subject, {})
        traces[traceparent[3:35]] = traceparent
        if len(traces) > MOST_TRACES:
            del traces[next(iter(traces))]
        self._by_subject[subject] = traces
        if len(self._by_subject) > MOST_SUBJECTS:
            del self._by_subject[next(iter(self._by_subject))]

    def of(self, subject: Subject) -> Sequence[bytes]:
        """The traceparents of the spans about a subject."""
        return tuple(self._by_subject.get(subject, {}).values())
