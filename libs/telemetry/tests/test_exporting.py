"""What goes over the wire, and what does not happen when nobody takes it."""

import json
import logging
import socket

import pytest

from penstock.telemetry import Telemetry, message_span, names, start_telemetry
from penstock.telemetry.otlp_collector import OtlpCollector

PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def work(telemetry: Telemetry, times: int = 1) -> None:
    for _ in range(times):
        with message_span(telemetry.tracer, names.PROCESS, "events", PARENT, {names.EPOCH: 3}):
            pass


def test_a_collector_gets_real_otlp() -> None:
    with OtlpCollector() as receiver:
        telemetry = start_telemetry("validator", environ={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint})
        work(telemetry)
        assert receiver.wait_for(lambda seen: len(seen.spans) == 1)
        telemetry.shutdown()
    (span,) = receiver.spans
    assert (span.service, span.name, span.kind) == ("validator", "process events", "consumer")
    assert (span.trace_id, span.parent_id) == (PARENT[3:35].decode(), PARENT[36:52].decode())
    assert span.attributes["penstock.epoch"] == 3
    assert not span.failed


def test_what_is_left_is_sent_at_the_end() -> None:
    with OtlpCollector() as receiver:
        telemetry = start_telemetry("validator", environ={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint})
        work(telemetry, times=1200)
        telemetry.shutdown()
        assert len({span.span_id for span in receiver.spans}) == 1200


def test_zipkin_gets_its_json() -> None:
    with OtlpCollector(status=202) as receiver:
        endpoint = f"{receiver.endpoint}/api/v2/spans"
        telemetry = start_telemetry("validator", environ={"OTEL_EXPORTER_ZIPKIN_ENDPOINT": endpoint})
        work(telemetry)
        telemetry.shutdown()
    ((path, body),) = receiver.requests
    (span,) = json.loads(body)
    assert path == "/api/v2/spans"
    assert (span["traceId"], span["parentId"]) == (PARENT[3:35].decode(), PARENT[36:52].decode())
    assert span["localEndpoint"]["serviceName"] == "validator"
    assert span["tags"]["penstock.epoch"] == "3"


def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("variable", "path"),
    [("OTEL_EXPORTER_OTLP_ENDPOINT", ""), ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "/api/v2/spans")],
)
def test_a_collector_that_is_down_costs_one_warning(caplog: pytest.LogCaptureFixture, variable: str, path: str) -> None:
    environ = {variable: f"http://127.0.0.1:{unused_port()}{path}"}
    telemetry = start_telemetry("validator", environ=environ)
    work(telemetry, times=2000)
    telemetry.shutdown()
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert environ[variable] in warning.getMessage()
    assert warning.exc_info is None


def test_a_collector_that_refuses_is_noticed_and_its_return_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with OtlpCollector(status=500) as receiver:
        telemetry = start_telemetry("validator", environ={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint})
        for _ in range(2):
            work(telemetry)
            telemetry.flush()
        receiver.status = 200
        work(telemetry)
        telemetry.flush()
        telemetry.shutdown()
    assert len(receiver.spans) == 1
    ours = [record.levelname for record in caplog.records if record.name.startswith("penstock.")]
    assert ours == ["WARNING", "INFO"]


def test_without_settings_nothing_is_recorded() -> None:
    telemetry = start_telemetry("validator", sample_ratio=1.0, environ={})
    with message_span(telemetry.tracer, names.SEND, "models", None, always=True) as span:
        assert span.header() is None
    telemetry.shutdown()


def test_the_receiver_refuses_what_is_not_otlp() -> None:
    with OtlpCollector() as receiver:
        with socket.create_connection(("127.0.0.1", int(receiver.endpoint.rsplit(":", 1)[1]))) as wire:
            wire.sendall(b"POST /v1/traces HTTP/1.0\r\nContent-Length: 3\r\n\r\n\xff\xff\xff")
            assert b" 400 " in wire.recv(100)
        assert receiver.spans == []
