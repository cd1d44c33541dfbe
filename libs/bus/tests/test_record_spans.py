"""Traces: outputs of a sampled record continue its trace, and no other output has a header."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import RecordBatch
from penstock.bus.routes import Group, route
from penstock.bus.state.unit_state import MemoryStateStores
from penstock.bus.topics import control_topics
from penstock.bus.worker.worker import Worker
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import ALERTS, COMMANDS
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry, memory_telemetry
from penstock.telemetry.traceparent import parse_traceparent

GOOD = (Path(__file__).parents[2] / "contracts/examples/penstock.command.v1.json").read_bytes()
SAMPLED = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"
UNSAMPLED = SAMPLED[:-2] + b"00"
Headers = Sequence[tuple[str, bytes]]


async def headers_of_outputs(telemetry: Telemetry, causes: Sequence[int], *inputs: Headers) -> list[Headers]:
    """The headers of one output per cause, after a batch whose records had the headers of `inputs`."""

    def handle(_: Batch[Any]) -> Iterable[AnyOutputs]:
        return [Outputs(ALERTS, None, [b"x"] * max(1, len(causes)), [None] * max(1, len(causes)), causes=causes)]

    log = MemoryLog()
    await log.create(control_topics("test"))
    log.append([RecordBatch.single("test.commands", 0, None, b"garbage", [("traceparent", SAMPLED)])])
    log.append([RecordBatch.single("test.commands", 0, None, GOOD, headers) for headers in inputs])
    group = Group("reader", (COMMANDS,), lambda *_: [route(COMMANDS, handle)])
    worker = Worker(group, log, "test", Streams(), MemoryStateStores(), telemetry, Metrics())
    await worker.step(0)
    await worker.close()
    return [record.headers for record in log.records_of(("test.alerts", 0)) if record.value == b"x"]


async def test_an_output_of_a_sampled_record_is_a_child_of_its_span() -> None:
    telemetry, spans = memory_telemetry()
    plain, traced, refused = await headers_of_outputs(
        telemetry, [0, 1, 2], [], [("other", b"x"), ("traceparent", SAMPLED)], [("traceparent", UNSAMPLED)]
    )
    assert list(plain) == list(refused) == []
    ((name, value),) = traced
    parent, child = parse_traceparent(SAMPLED), parse_traceparent(value)
    assert name == "traceparent"
    assert parent is not None
    assert child is not None
    assert child.trace_id == parent.trace_id
    assert child.span_id != parent.span_id
    assert child.trace_flags.sampled
    (span,) = spans.get_finished_spans()
    assert span.parent is not None
    assert (span.parent.span_id, span.context.span_id) == (parent.span_id, child.span_id)
    assert span.attributes is not None
    assert span.attributes["messaging.kafka.offset"] == 2


async def test_outputs_without_a_cause_belong_to_no_trace() -> None:
    telemetry, _ = memory_telemetry()
    assert await headers_of_outputs(telemetry, [], [("traceparent", SAMPLED)]) == [()]


async def test_a_malformed_header_is_ignored() -> None:
    telemetry, spans = memory_telemetry()
    odd = [("traceparent", b"\xff"), ("traceparent", SAMPLED)]
    assert await headers_of_outputs(telemetry, [0], odd) == [()]
    assert spans.get_finished_spans() == ()
