"""Log lines: the fields of JSON, the trace that they belong to, faults that are counted, and OTLP."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from penstock.telemetry.environment import BadTelemetrySetting, read_log_endpoint
from penstock.telemetry.logs import log_trace, start_logging
from penstock.telemetry.logs.otlp import otlp_handler
from penstock.telemetry.logs.repeats import CountingHandler
from penstock.telemetry.otlp_collector import OtlpCollector

TRACEPARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)


def json_lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_line_has_elastics_fields_and_the_trace_it_was_written_in(output: io.StringIO) -> None:
    start_logging("validator", stream=output)
    with log_trace(TRACEPARENT):
        logging.getLogger("a.b").info("%d found", 3, extra={"penstock.stream": "loans"})
    logging.getLogger("a.b").info("later")
    found, later = json_lines(output)
    assert found["message"] == "3 found"
    assert found["log.level"] == "info"
    assert found["log"]["logger"] == "a.b"
    assert found["service"] == {"name": "penstock-validator"}
    assert found["penstock"] == {"stream": "loans"}
    assert found["trace"] == {"id": "4bf92f3577b34da6a3ce929d0e0e4736"}
    assert found["span"] == {"id": "00f067aa0ba902b7"}
    assert "trace" not in later


def test_an_error_has_its_type_and_its_stack(output: io.StringIO) -> None:
    start_logging("validator", stream=output)
    try:
        raise ValueError("wrong")
    except ValueError:
        logging.getLogger("a").exception("failed")
    (line,) = json_lines(output)
    assert (line["error"]["type"], line["error"]["message"]) == ("ValueError", "wrong")
    assert 'raise ValueError("wrong")' in line["error"]["stack_trace"]


def test_a_terminal_gets_plain_lines(output: io.StringIO) -> None:
    output.isatty = lambda: True  # type: ignore[method-assign]
    start_logging("validator", stream=output)
    logging.getLogger("a").info("ready")
    assert output.getvalue().endswith(" INFO validator ready\n")


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


class Minutes:
    """Calls that are due at the end of a minute."""

    def __init__(self) -> None:
        self._calls: list[Callable[[], None]] = []

    def schedule(self, _seconds: float, call: Callable[[], None]) -> None:
        self._calls.append(call)

    def end(self) -> None:
        calls, self._calls = self._calls, []
        for call in calls:
            call()


def warn(handler: logging.Handler, text: str, level: int = logging.WARNING) -> None:
    handler.handle(logging.LogRecord("a", level, "a.py", 1, text, None, None))


def test_a_fault_is_logged_once_and_then_counted() -> None:
    lines, minutes = Lines(), Minutes()
    handler = CountingHandler([lines], minutes.schedule)
    for attempt in range(50_000):
        warn(handler, f"no space left, attempt {attempt}")
    warn(handler, "another fault")
    assert lines.texts == ["no space left, attempt 0", "another fault"]
    minutes.end()
    assert lines.texts[2:] == ["49,999 more like this, 49,999 in all: no space left, attempt 0"]
    warn(handler, "no space left, attempt 50000")
    minutes.end()
    assert lines.texts[3:] == ["1 more like this, 50,000 in all: no space left, attempt 0"]


def test_a_fault_that_was_over_for_a_minute_is_logged_anew() -> None:
    lines, minutes = Lines(), Minutes()
    handler = CountingHandler([lines], minutes.schedule)
    warn(handler, "away")
    minutes.end()
    warn(handler, "away")
    assert lines.texts == ["away", "away"]


def test_what_was_counted_is_told_at_the_end_and_what_is_no_fault_is_never_counted() -> None:
    lines = Lines()
    handler = CountingHandler([lines], Minutes().schedule)
    for _ in range(2):
        warn(handler, "ready", logging.INFO)
        warn(handler, "away")
    handler.close()
    assert lines.texts == ["ready", "away", "ready", "1 more like this, 1 in all: away"]


def test_lines_go_to_a_collector_with_their_trace() -> None:
    with OtlpCollector() as collector:
        environ = {"OTEL_LOGS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        handler = otlp_handler("validator", environ)
        assert handler is not None
        record = logging.LogRecord("a.b", logging.WARNING, "a.py", 1, "%d away", (3,), None)
        record.__dict__.update({"penstock.stream": "loans", "trace.id": "4b" * 16, "span.id": "0f" * 8})
        handler.emit(record)
        assert collector.wait_for(lambda seen: bool(seen.logs))
    (line,) = collector.logs
    assert (line.service, line.severity, line.body) == ("penstock-validator", "WARN", "3 away")
    assert (line.trace_id, line.span_id) == ("4b" * 16, "0f" * 8)
    assert line.attributes == {"penstock.stream": "loans", "log.logger": "a.b"}


def test_lines_are_sent_only_where_that_is_set() -> None:
    assert read_log_endpoint({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318"}) is None
    assert read_log_endpoint({"OTEL_LOGS_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}) is None
    assert read_log_endpoint({"OTEL_LOGS_EXPORTER": "otlp"}) == "http://localhost:4318/v1/logs"
    with pytest.raises(BadTelemetrySetting, match="OTEL_LOGS_EXPORTER is 'console'"):
        read_log_endpoint({"OTEL_LOGS_EXPORTER": "console"})
