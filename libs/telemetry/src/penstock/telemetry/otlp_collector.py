"""A small OTLP collector on the loopback interface, for tests of what is really sent."""

# mypy: disable-error-code="import-untyped"
import gzip
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

OTLP_PATH = "/v1/traces"
LOGS_PATH = "/v1/logs"

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class CollectedSpan:
    """A span as it was sent: ids in hex, links as (trace id, span id), and `parent_id` "" for a root span."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: Mapping[str, Scalar]
    links: tuple[tuple[str, str], ...]
    failed: bool


@dataclass(frozen=True, slots=True)
class CollectedLog:
    """A log line as it was sent: ids in hex, "" where it belongs to no span."""

    service: str
    severity: str
    body: str
    trace_id: str
    span_id: str
    attributes: Mapping[str, Scalar]


class OtlpCollector:
    """Accepts OTLP over HTTP at `endpoint` while entered, and keeps the spans, log lines and every raw request.

    `status` is the HTTP status of its responses; with any other than 200 it keeps no spans.
    """

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.spans: list[CollectedSpan] = []
        self.logs: list[CollectedLog] = []
        self.requests: list[tuple[str, bytes]] = []
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def endpoint(self) -> str:
        """The value for `OTEL_EXPORTER_OTLP_ENDPOINT`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def wait_for(self, condition: Callable[["OtlpCollector"], bool], seconds: float = 30) -> bool:
        """Wait until the condition is true, checked after each request; False if it is not within `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self), seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _accept(self, path: str, body: bytes) -> int:
        try:
            spans = decode_spans(body) if path == OTLP_PATH and self.status == 200 else []
            logs = decode_logs(body) if path == LOGS_PATH and self.status == 200 else []
        except DecodeError:
            return 400
        with self._changed:
            self.requests.append((path, body))
            self.spans.extend(spans)
            self.logs.extend(logs)
            self._changed.notify_all()
        return self.status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        accept = self._accept

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                self.send_response(accept(self.path, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
                """Tests have their own output."""

        return Handler


def decode_spans(body: bytes) -> list[CollectedSpan]:
    """The spans of an OTLP export request in protobuf.

    Raises:
        DecodeError: it is not such a request.
    """
    request = ExportTraceServiceRequest.FromString(body)
    return [
        _collected_span(str(_attributes(resource.resource.attributes).get("service.name", "")), span)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def decode_logs(body: bytes) -> list[CollectedLog]:
    """The log lines of an OTLP export request in protobuf.

    Raises:
        DecodeError: it is not such a request.
    """
    request = ExportLogsServiceRequest.FromString(body)
    return [
        CollectedLog(
            service=str(_attributes(resource.resource.attributes).get("service.name", "")),
            severity=line.severity_text,
            body=str(_scalar(line.body)),
            trace_id=line.trace_id.hex(),
            span_id=line.span_id.hex(),
            attributes=_attributes(line.attributes),
        )
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for line in scope.log_records
    ]


def _collected_span(service: str, span: Span) -> CollectedSpan:
    return CollectedSpan(
        service=service,
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=_attributes(span.attributes),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Scalar]:
    return {pair.key: _scalar(pair.value) for pair in pairs}


def _scalar(value: AnyValue) -> Scalar:
    kind = value.WhichOneof("value")
    scalar: Scalar = getattr(value, kind) if kind else ""
    return scalar
