"""The spans of messages and of HTTP requests.

Parents are raw traceparent headers, and no span becomes the "current" one: the spans of one batch overlap.
A message without a sampled traceparent has no span: it gets one shared object that does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from random import getrandbits
from types import TracebackType
from typing import Protocol, Self

from opentelemetry.trace import SpanContext, SpanKind
from opentelemetry.util.types import AttributeValue

from penstock.telemetry import names
from penstock.telemetry.ended_span import EndedSpan
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.trace_choice import event_trace_id
from penstock.telemetry.traceparent import is_sampled, parse_traceparent

Attributes = Mapping[str, AttributeValue]

SLOW_SECONDS = 1.0  # a request that took longer is traced by rule

_KINDS = {
    names.SEND: SpanKind.PRODUCER,
    names.RECEIVE: SpanKind.CLIENT,
    names.PROCESS: SpanKind.CONSUMER,
}


class SpanHandle(Protocol):
    """The span of one piece of work, as a context manager: it ends on exit, and an exception marks it as failed."""

    def header(self) -> bytes | None:
        """The traceparent for what this work sends; None if its trace is not sampled."""
        ...

    def set(self, attributes: Attributes) -> None:
        """Add attributes, whose names are in `names`."""
        ...

    def link(self, traceparent: bytes) -> None:
        """Link it to the span of another trace that led to this work, too; one of its own trace is no link."""
        ...

    def status(self, code: int) -> None:
        """Set the status of the HTTP response; 5xx marks the span as failed."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _NoSpan:
    """Records nothing; a trace that is sampled elsewhere passes through."""

    def __init__(self, parent: bytes | None = None) -> None:
        self._parent = parent

    def header(self) -> bytes | None:
        return self._parent

    def set(self, attributes: Attributes) -> None:
        """There is no span to add them to."""

    def link(self, traceparent: bytes) -> None:
        """There is no span to link."""

    def status(self, code: int) -> None:
        """There is no span to set it on."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is no span to end."""


UNTRACED: SpanHandle = _NoSpan()
"""Stands for the span of work whose trace is not sampled; one object for all such work."""


class _RecordedSpan:
    def __init__(
        self,
        record: Callable[[EndedSpan], None],
        name: str,
        kind: SpanKind,
        trace_id: int,
        parent: SpanContext | None,
        attributes: dict[str, AttributeValue],
    ) -> None:
        self._record = record
        self._name = name
        self._kind = kind
        self._trace_id = trace_id
        self._span_id = getrandbits(64) or 1
        self._parent = parent
        self._attributes = attributes
        self._links: dict[tuple[int, int], SpanContext] = {}
        self._failed = False
        self._start = time.time_ns()

    def header(self) -> bytes | None:
        return b"00-%032x-%016x-01" % (self._trace_id, self._span_id)

    def set(self, attributes: Attributes) -> None:
        self._attributes.update(attributes)

    def link(self, traceparent: bytes) -> None:
        context = parse_traceparent(traceparent)
        if context is not None and context.trace_id != self._trace_id:
            self._links[context.trace_id, context.span_id] = context

    def status(self, code: int) -> None:
        self._attributes[names.HTTP_STATUS] = code
        if code >= 500:
            self._attributes[names.ERROR_TYPE] = str(code)
            self._failed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._attributes[names.ERROR_TYPE] = type(error).__qualname__
            self._failed = True
        self._record(
            EndedSpan(
                self._name,
                self._kind,
                self._trace_id,
                self._span_id,
                self._parent,
                self._start,
                time.time_ns(),
                self._attributes,
                self._failed,
                tuple(self._links.values()),
            )
        )


class _RequestByRule:
    """A request that is not traced, unless it turns out to be slow or to be refused: then it has one span."""

    def __init__(self, telemetry: Telemetry, name: str, attributes: dict[str, AttributeValue]) -> None:
        self._telemetry = telemetry
        self._name = name
        self._attributes = attributes
        self._code = 0
        self._start = time.time_ns()

    def header(self) -> bytes | None:
        return None

    def set(self, attributes: Attributes) -> None:
        self._attributes.update(attributes)

    def link(self, traceparent: bytes) -> None:
        """A request that is traced by rule has no other cause."""

    def status(self, code: int) -> None:
        self._code = code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        code, end = 500 if error is not None else self._code, time.time_ns()
        rule = _rule_of(code, (end - self._start) / 1e9)
        record, stream = self._telemetry.record, str(self._attributes.get(names.STREAM, ""))
        if rule is None or record is None or not self._telemetry.by_rule.take(stream):
            return
        event_id = self._attributes.get(names.EVENT_ID)
        trace_id = getrandbits(128) or 1 if event_id is None else event_trace_id(stream, str(event_id))
        attributes = {**self._attributes, names.RULE: rule, names.HTTP_STATUS: code}
        span_id = getrandbits(64) or 1
        record(
            EndedSpan(self._name, SpanKind.SERVER, trace_id, span_id, None, self._start, end, attributes, code >= 500)
        )


def _rule_of(code: int, seconds: float) -> str | None:
    if code >= 400:
        return "rejected"
    return "slow" if seconds > SLOW_SECONDS else None


def message_span(
    telemetry: Telemetry,
    operation: str,
    destination: str,
    parent: bytes | None,
    attributes: Attributes | None = None,
    *,
    begin: int | None = None,
) -> SpanHandle:
    """The span of one operation on a message.

    Args:
        telemetry: the service's tracing.
        operation: `names.SEND`, `names.RECEIVE` or `names.PROCESS`.
        destination: the topic.
        parent: the traceparent of the message (`sampled_traceparent`), or of the work that sends it.
        attributes: further attributes, whose names are in `names`.
        begin: without a sampled parent, begin the trace of this id (0: of any id) instead of none.
    """
    context = _sampled_context(parent)
    if telemetry.record is None:
        return UNTRACED if context is None else _NoSpan(parent)
    if context is None and begin is None:
        return UNTRACED
    trace_id = context.trace_id if context is not None else begin or getrandbits(128) or 1
    all_attributes: dict[str, AttributeValue] = {
        names.MESSAGING_SYSTEM: names.KAFKA,
        names.MESSAGING_DESTINATION: destination,
        names.MESSAGING_OPERATION_NAME: operation,
        names.MESSAGING_OPERATION_TYPE: operation,
    }
    if attributes:
        all_attributes.update(attributes)
    name, kind = f"{operation} {destination}", _KINDS[operation]
    return _RecordedSpan(telemetry.record, name, kind, trace_id, context, all_attributes)


def _sampled_context(parent: bytes | None) -> SpanContext | None:
    return parse_traceparent(parent) if parent is not None and is_sampled(parent) else None


def send_spans(
    telemetry: Telemetry, topic: str, stream: str, event_ids: Sequence[str], parent: bytes | None, spans: ExitStack
) -> dict[int, bytes]:
    """Open the spans of the records of one request as they are sent; the traceparents of those that have one, by index.

    The trace of the request continues with its first record. Without one each event that is chosen by its id begins
    its own.
    """
    chosen: dict[int, int | None] = {0: None} if parent is not None else _chosen(telemetry, stream, event_ids)
    headers = {}
    for index, begin in chosen.items():
        known = {names.STREAM: stream, names.EVENT_ID: event_ids[index]}
        header = spans.enter_context(message_span(telemetry, names.SEND, topic, parent, known, begin=begin)).header()
        if header is not None:
            headers[index] = header
    return headers


def _chosen(telemetry: Telemetry, stream: str, event_ids: Sequence[str]) -> dict[int, int | None]:
    if telemetry.record is None:
        return {}
    chooses = telemetry.choice.chooses
    return {index: event_trace_id(stream, own) for index, own in enumerate(event_ids) if chooses(own)}


def request_span(telemetry: Telemetry, method: str, route: str, parent: bytes | None) -> SpanHandle:
    """The span of an HTTP request at a server.

    It continues the trace of the request's traceparent, if that is sampled. Without one it has a span only if it is
    slow or refused: the traces of events begin where their ids are known.

    Args:
        telemetry: the service's tracing.
        method: the HTTP method.
        route: the template, as `/streams/{stream}/events`, never the path.
        parent: the request's traceparent.
    """
    if telemetry.record is None:
        return _NoSpan(parent) if parent is not None and is_sampled(parent) else UNTRACED
    name, attributes = f"{method} {route}", {names.HTTP_METHOD: method, names.HTTP_ROUTE: route}
    context = _sampled_context(parent)
    if context is None:
        return _RequestByRule(telemetry, name, dict(attributes))
    return _RecordedSpan(telemetry.record, name, SpanKind.SERVER, context.trace_id, context, dict(attributes))
