"""The spans of the consumer loop and of the HTTP edge.

Parents and links are raw traceparent headers, and no span becomes "current": spans of one batch overlap.
A message without a sampled header has no span: it gets one shared object that does nothing.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from penstock.telemetry import names
from penstock.telemetry.propagation import header_of, is_sampled, parse
from penstock.telemetry.sampler import always_sampled
from penstock.telemetry.setup import Telemetry

Attributes = Mapping[str, AttributeValue]

_KINDS = {
    names.SEND: SpanKind.PRODUCER,
    names.RECEIVE: SpanKind.CLIENT,
    names.PROCESS: SpanKind.CONSUMER,
}


class SpanHandle(Protocol):
    """A piece of work, as a context manager: ends on leaving, marked as failed by an exception."""

    def header(self) -> bytes | None:
        """The traceparent to put on what this work sends; None when its trace is not sampled."""
        ...

    def set(self, attributes: Attributes) -> None:
        """Add attributes, named in `names`."""
        ...

    def status(self, code: int) -> None:
        """Note the status of the HTTP answer; 5xx marks the span as failed."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Untraced:
    def header(self) -> bytes | None:
        return None

    def set(self, attributes: Attributes) -> None:
        """Nobody would see them."""

    def status(self, code: int) -> None:
        """Nobody would see it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is nothing to end."""


UNTRACED: SpanHandle = _Untraced()
"""Work whose trace is not sampled; one object for all of it."""


class _Recorded:
    def __init__(self, span: Span) -> None:
        self._span = span

    def header(self) -> bytes | None:
        context = self._span.get_span_context()
        return header_of(context) if context.is_valid and context.trace_flags.sampled else None

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
    """Work on one message: `names.SEND`, `RECEIVE` or `PROCESS`, on the topic `destination`.

    `parent` is the traceparent of the message (`propagation.sampled`) or of the work that causes it.
    Without a sampled parent there is no span, unless `always`: then a new trace starts here, which is how
    every control-plane message gets one.
    """
    if parent is not None and is_sampled(parent):
        return _start(tracer, operation, destination, _child_of(parent), attributes)
    if always:
        return _start(tracer, operation, destination, always_sampled(), attributes)
    return UNTRACED


def request_span(tracer: Tracer, method: str, route: str, headers: Mapping[str, str]) -> SpanHandle:
    """An HTTP request at a server: `route` is the template, never the path (`/streams/{stream}/events`).

    Goes on with the request's traceparent (recorded if that is sampled); without one it starts a trace,
    subject to the ratio. `headers` has lower-case names or does not tell case apart.
    """
    parent = headers.get(names.TRACEPARENT, "").encode("latin-1", "replace")
    return _request_span(tracer, method, route, _child_of(parent))


def drawn_request_span(telemetry: Telemetry, method: str, route: str, parent: bytes | None) -> SpanHandle:
    """The same, for the hot path: a request without a traceparent (None) costs nothing unless its trace is drawn."""
    if parent is None:
        if not telemetry.draws():
            return UNTRACED
        return _request_span(telemetry.tracer, method, route, always_sampled())
    return _request_span(telemetry.tracer, method, route, _child_of(parent))


def _request_span(tracer: Tracer, method: str, route: str, context: Context) -> SpanHandle:
    span = tracer.start_span(
        f"{method} {route}", context, SpanKind.SERVER, {names.HTTP_METHOD: method, names.HTTP_ROUTE: route}
    )
    return _Recorded(span) if span.get_span_context().trace_flags.sampled else UNTRACED


def _child_of(parent: bytes) -> Context:
    context = parse(parent)
    return Context() if context is None else set_span_in_context(NonRecordingSpan(context), Context())


def _start(
    tracer: Tracer,
    operation: str,
    destination: str,
    context: Context,
    attributes: Attributes | None,
) -> SpanHandle:
    said = {
        names.MESSAGING_SYSTEM: names.KAFKA,
        names.MESSAGING_DESTINATION: destination,
        names.MESSAGING_OPERATION_NAME: operation,
        names.MESSAGING_OPERATION_TYPE: operation,
    }
    span = tracer.start_span(f"{operation} {destination}", context, _KINDS[operation], {**said, **(attributes or {})})
    return _Recorded(span)
