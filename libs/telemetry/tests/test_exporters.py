"""Exporters: what they send, and what happens when the collector is down or refuses."""

import json
import logging
import socket

import pytest

from penstock.telemetry import Telemetry, message_span, names, start_telemetry
from penstock.telemetry.otlp_collector import OtlpCollector

PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = b"00-%032x-%016x-01" % (7, 8)


def record_spans(telemetry: Telemetry, times: int = 1) -> None:
    for _ in range(times):
        with message_span(telemetry, names.PROCESS, "events", PARENT, {names.EPOCH: 3}) as span:
            span.link(OTHER)


def test_a_collector_gets_real_otlp() -> None:
    with OtlpCollector() as collector:
        telemetry = start_telemetry("validator", environ={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint})
        record_spans(telemetry)
        assert collector.wait_for(lambda collector: len(collector.spans) == 1)
        telemetry.shutdown()
    (span,) = collector.spans
    assert (span.service, span.name, span.kind) == ("validator", "process events", "consumer")
    assert (span.trace_id, span.parent_id) == (PARENT[3:35].decode(), PARENT[36:52].decode())
    assert span.attributes["penstock.epoch"] == 3
    assert span.links == ((f"{7:032x}", f"{8:016x}"),)
    assert not span.failed


def test_queued_spans_are_sent_at_shutdown() -> None:
    with OtlpCollector() as collector:
        telemetry = start_telemetry("validator", environ={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint})
        record_spans(telemetry, times=1200)
        telemetry.shutdown()
        assert len({span.span_id for span in collector.spans}) == 1200


def test_zipkin_gets_its_json() -> None:
    with OtlpCollector(status=202) as collector:
        endpoint = f"{collector.endpoint}/api/v2/spans"
        telemetry = start_telemetry("validator", environ={"OTEL_EXPORTER_ZIPKIN_ENDPOINT": endpoint})
        record_spans(telemetry)
        telemetry.shutdown()
    ((path, body),) = collector.requests
    (span,) = json.loads(body)
    assert path == "/api/v2/spans"
    assert (span["traceId"], span["parentId"]) == (PARENT[3:35].decode(), PARENT[36:52].decode())
    assert span["localEndpoint"]["serviceName"] == "validator"
    assert span["tags"]["penstock.epoch"] == "3"
    assert span["tags"]["penstock.trace.links"] == f"{7:032x}-{8:016x}"


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
    record_spans(telemetry, times=2000)
    telemetry.shutdown()
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert environ[variable] in warning.getMessage()
    assert warning.exc_info is None


def test_a_collector_that_refuses_is_logged_and_so_is_its_recovery(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with OtlpCollector(status=500) as collector:
        telemetry = start_telemetry("validator", environ={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint})
        for _ in range(2):
            record_spans(telemetry)
            telemetry.flush()
        collector.status = 200
        record_spans(telemetry)
        telemetry.flush()
        telemetry.shutdown()
    assert len(collector.spans) == 1
    ours = [record.levelname for record in caplog.records if record.name.startswith("penstock.")]
    assert ours == ["WARNING", "INFO"]


def test_without_settings_nothing_is_recorded() -> None:
    telemetry = start_telemetry("validator", sample_ratio=1.0, environ={})
    with message_span(telemetry, names.SEND, "models", None, begin=0) as span:
        assert span.header() is None
    telemetry.shutdown()


def test_the_collector_refuses_what_is_not_otlp() -> None:
    with OtlpCollector() as collector:
        with socket.create_connection(("127.0.0.1", int(collector.endpoint.rsplit(":", 1)[1]))) as wire:
            wire.sendall(b"POST /v1/traces HTTP/1.0\r\nContent-Length: 3\r\n\r\n\xff\xff\xff")
            assert b" 400 " in wire.recv(100)
        assert collector.spans == []
