"""The spans of messages and of HTTP requests.

Parents are raw traceparent headers, and no span becomes the "current" one: the spans of one batch overlap.
A message without a sampled traceparent has no span: it gets one shared object that does nothing.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from penstock.telemetry import names
from penstock.telemetry.sampler import always_sampled_context
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.traceparent import format_traceparent, is_sampled, parse_traceparent

Attributes = Mapping[str, AttributeValue]

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

    def status(self, code: int) -> None:
        """Set the status of the HTTP response; 5xx marks the span as failed."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _NoSpan:
    def header(self) -> bytes | None:
        return None

    def set(self, attributes: Attributes) -> None:
        """There is no span to add them to."""

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
    def __init__(self, span: Span) -> None:
        self._span = span

    def header(self) -> bytes | None:
        context = self._span.get_span_context()
        return format_traceparent(context) if context.is_valid and context.trace_flags.sampled else None

    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def status(self, code: int) -> None:
        self._span.set_attribute(names.HTTP_STATUS, code)
        if code >= 500:
            self._span.set_attribute(names.ERROR_TYPE, str(code))
            self._span.set_status(Status(StatusCode.ERROR))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._span.set_attribute(names.ERROR_TYPE, type(error).__qualname__)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def message_span(
    tracer: Tracer,
    operation: str,
    destination: str,
    parent: bytes | None,
    attributes: Attributes | None = None,
    *,
    always: bool = False,
) -> SpanHandle:
    """The span of one operation on a message.

    Args:
        tracer: the service's tracer.
        operation: `names.SEND`, `names.RECEIVE` or `names.PROCESS`.
        destination: the topic.
        parent: the traceparent of the message (`sampled_traceparent`), or of the work that sends it.
        attributes: further attributes, whose names are in `names`.
        always: without a sampled parent, start a new trace, as every control-plane message does, instead of none.
    """
    if parent is not None and is_sampled(parent):
        return _start(tracer, operation, destination, _child_of(parent), attributes)
    if always:
        return _start(tracer, operation, destination, always_sampled_context(), attributes)
    return UNTRACED


def request_span(tracer: Tracer, method: str, route: str, headers: Mapping[str, str]) -> SpanHandle:
    """The span of an HTTP request at a server.

    It continues the trace of the request's traceparent, and is recorded if that is sampled; without one it starts a
    trace, recorded by the ratio.

    Args:
        tracer: the service's tracer.
        method: the HTTP method.
        route: the template, as `/streams/{stream}/events`, never the path.
        headers: the request's headers, with names in lower case or compared without case.
    """
    parent = headers.get(names.TRACEPARENT, "").encode("latin-1", "replace")
    return _request_span(tracer, method, route, _child_of(parent))


def sampled_request_span(telemetry: Telemetry, method: str, route: str, parent: bytes | None) -> SpanHandle:
    """As `request_span`, for the hot path: a request without a `parent` costs nothing unless its trace is sampled."""
    if parent is None:
        if not telemetry.should_sample():
            return UNTRACED
        return _request_span(telemetry.tracer, method, route, always_sampled_context())
    return _request_span(telemetry.tracer, method, route, _child_of(parent))


def _request_span(tracer: Tracer, method: str, route: str, context: Context) -> SpanHandle:
    span = tracer.start_span(
        f"{method} {route}", context, SpanKind.SERVER, {names.HTTP_METHOD: method, names.HTTP_ROUTE: route}
    )
    return _RecordedSpan(span) if span.get_span_context().trace_flags.sampled else UNTRACED


def _child_of(parent: bytes) -> Context:
    context = parse_traceparent(parent)
    return Context() if context is None else set_span_in_context(NonRecordingSpan(context), Context())


def _start(
    tracer: Tracer,
    operation: str,
    destination: str,
    context: Context,
    attributes: Attributes | None,
) -> SpanHandle:
    conventional = {
        names.MESSAGING_SYSTEM: names.KAFKA,
        names.MESSAGING_DESTINATION: destination,
        names.MESSAGING_OPERATION_NAME: operation,
        names.MESSAGING_OPERATION_TYPE: operation,
    }
    all_attributes = {**conventional, **(attributes or {})}
    span = tracer.start_span(f"{operation} {destination}", context, _KINDS[operation], all_attributes)
    return _RecordedSpan(span)
