"""The log writer: many requests in one write, in order and within limits; each request has its own error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.bus.errors import BrokerUnavailable, RecordTooLarge
from penstock.bus.memory.log import MemoryLog
from penstock.bus.memory.sink import MemorySink
from penstock.bus.ports import RecordBatch
from penstock.bus.publisher import Publisher
from penstock.bus.topics import stream_topics
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import RECEIVED
from penstock.runtime import log_writer as log_writer_module
from penstock.runtime.log_writer import BufferFull, LogWriter, WriteLimits, WriteRequest, WriteUnconfirmed

STREAMS = [
    StreamDeclared(
        source="t",
        id=name,
        time=datetime(2026, 1, 1, tzinfo=UTC),
        version=1,
        declaration=parse_declaration(
            f'stream = {{name = "{name}", task = "regression", entity = "k"}}\nlabel = {{name = "y"}}\n'
            'fields = {k = {type = "category"}, x = {type = "number"}}'
        ),
    )
    for name in ("one", "two")
]


class ControlledSink(MemorySink):
    """Confirms when the log's gate is open, and refuses values that are larger than the log's limit."""

    def __init__(self, log: ControlledLog) -> None:
        super().__init__(log)
        self._controlled_log = log

    async def send(self, records: Sequence[RecordBatch]) -> Awaitable[None]:
        values = [value for run in records for value in run.values]
        self._controlled_log.writes.append(len(values))
        if any(len(value or b"") > self._controlled_log.largest for value in values):
            raise RecordTooLarge("too large")
        confirmed = await super().send(records)
        return self._confirm(confirmed, {run.topic.split(".")[1] for run in records})

    async def _confirm(self, confirmed: Awaitable[None], streams: set[str]) -> None:
        if streams & self._controlled_log.silent_streams:
            await self._controlled_log.silence.wait()
        await self._controlled_log.gate.wait()
        if self._controlled_log.error is not None:
            raise self._controlled_log.error
        await confirmed


class ControlledLog(MemoryLog):
    """A log that can be held up, or fail; `writes` are the numbers of records of each write."""

    largest = 100
    error: Exception | None = None

    def __init__(self) -> None:
        super().__init__(lambda: 0)
        self.writes: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.silent_streams: set[str] = set()
        self.silence = asyncio.Event()

    async def sink(self) -> ControlledSink:
        return ControlledSink(self)

    def values(self, stream: str) -> list[bytes | None]:
        return [
            record.value
            for topic_partition in self.partitions_of(f"p.{stream}.received")
            for record in self.records_of(topic_partition)
        ]


async def log_writer(log: ControlledLog, limits: WriteLimits | None = None) -> LogWriter:
    streams = Streams()
    for stream in STREAMS:
        streams.apply(stream)
        await log.create(stream_topics("p", stream))
    return LogWriter(Publisher(log, "p", streams), RECEIVED, limits or WriteLimits(seconds=20))


def write_request(*values: bytes, **more: Any) -> WriteRequest:
    return WriteRequest(values, [b"key"] * len(values), **more)


async def write(writer: LogWriter, *requests: WriteRequest, stream: str = "one") -> None:
    for error in await writer.write(stream, requests):
        if error is not None:
            raise error


async def _eventually(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (several things are waited for)
            await asyncio.sleep(0)


async def test_requests_that_come_during_a_write_are_written_together_and_in_order() -> None:
    log = ControlledLog()
    writer = await log_writer(log)
    log.gate.clear()
    tasks = [asyncio.create_task(write(writer, write_request(b"first")))]
    await _eventually(lambda: log.writes)
    tasks += [asyncio.create_task(write(writer, write_request(b"%d" % number))) for number in range(30)]
    await asyncio.sleep(0)
    log.gate.set()
    await asyncio.gather(*tasks)

    assert log.writes == [1, 30]
    assert log.values("one") == [b"first", *(b"%d" % number for number in range(30))]


async def test_a_stream_whose_partition_is_silent_holds_up_no_other() -> None:
    log = ControlledLog()
    writer = await log_writer(log, WriteLimits(seconds=20, bytes=40))
    log.silent_streams = {"one"}
    silent = [asyncio.create_task(write(writer, write_request(b"1234567"))) for _ in range(2)]
    await _eventually(lambda: log.writes)
    with pytest.raises(BufferFull):
        await write(writer, write_request(b"beyond the share of one stream"))
    await write(writer, write_request(b"other"), stream="two")
    assert (log.values("two"), [task.done() for task in silent]) == ([b"other"], [False, False])
    log.silence.set()
    await asyncio.gather(*silent)


async def test_headers_are_those_of_their_own_record() -> None:
    log = ControlledLog()
    writer = await log_writer(log)
    await asyncio.gather(
        write(writer, write_request(b"a", b"b", headers={1: (("traceparent", b"trace-b"),)})),
        write(writer, write_request(b"c")),
        write(writer, write_request(b"d", headers={0: (("traceparent", b"trace-d"),)})),
    )
    records = [
        record for topic_partition in log.partitions_of("p.one.received") for record in log.records_of(topic_partition)
    ]
    assert {record.value: dict(record.headers) for record in records} == {
        b"a": {},
        b"b": {"traceparent": b"trace-b"},
        b"c": {},
        b"d": {"traceparent": b"trace-d"},
    }


async def test_a_request_that_is_too_large_does_not_hold_up_the_others() -> None:
    log = ControlledLog()
    writer = await log_writer(log)
    outcomes = await asyncio.gather(
        *(write(writer, write_request(value)) for value in (b"a", b"x" * 101, b"b")), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), RecordTooLarge, type(None)]
    assert log.values("one") == [b"a", b"b"]


async def test_each_request_of_a_write_has_its_own_error() -> None:
    log = ControlledLog()
    writer = await log_writer(log)
    errors = await writer.write("one", [write_request(b"a"), write_request(b"x" * 101), write_request(b"b")])
    assert [type(error) for error in errors] == [type(None), RecordTooLarge, type(None)]
    assert log.values("one") == [b"a", b"b"]


async def test_all_requests_fail_while_the_broker_is_away() -> None:
    log = ControlledLog()
    writer = await log_writer(log)
    log.error = BrokerUnavailable("away")
    outcomes = await asyncio.gather(*(write(writer, write_request(b"a")) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [WriteUnconfirmed] * 3
    log.error = None
    await write(writer, write_request(b"b"))


async def test_a_write_times_out_and_what_was_still_queued_is_never_written() -> None:
    log = ControlledLog()
    writer = await log_writer(log, WriteLimits(seconds=0.05))
    log.gate.clear()
    outcomes = [asyncio.create_task(write(writer, write_request(b"under way")))]
    await _eventually(lambda: log.writes)
    outcomes += [asyncio.create_task(write(writer, write_request(b"waiting")))]
    given_up = await asyncio.gather(*outcomes, return_exceptions=True)
    log.gate.set()
    await write(writer, write_request(b"later"))

    assert [type(outcome) for outcome in given_up] == [WriteUnconfirmed] * 2
    assert log.values("one") == [b"under way", b"later"]


async def test_the_queue_is_bounded_for_write_and_enqueue() -> None:
    log = ControlledLog()
    writer = await log_writer(log, WriteLimits(seconds=20, bytes=20, stream_share=1.0))
    log.gate.clear()
    lost: list[Exception] = []
    writer.enqueue("one", [write_request(b"1234567")], lambda _, error: lost.append(error))
    writer.enqueue("one", [write_request(b"1234567")], lambda _, error: lost.append(error))
    with pytest.raises(BufferFull):
        writer.enqueue("one", [write_request(b"1")], lambda _, error: lost.append(error))
    with pytest.raises(BufferFull):
        await write(writer, write_request(b"1"))
    log.gate.set()
    await writer.drain()
    writer.enqueue("one", [write_request(b"3")], lambda _, error: lost.append(error))
    await writer.drain()

    assert log.values("one") == [b"1234567", b"1234567", b"3"]
    assert lost == []


async def test_enqueue_reports_the_requests_that_were_not_confirmed() -> None:
    log = ControlledLog()
    writer = await log_writer(log)
    log.error = BrokerUnavailable("away")
    lost: list[Any] = []
    for value in (b"a", b"b"):
        writer.enqueue(
            "one", [write_request(value)], lambda request, error: lost.append((*request.values, type(error)))
        )
    await writer.drain()
    await _eventually(lambda: len(lost) == 2)
    assert lost == [(b"a", WriteUnconfirmed), (b"b", WriteUnconfirmed)]


async def test_the_writer_counts_as_confirmed_until_the_broker_was_silent_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = ControlledLog()
    writer = await log_writer(log)
    assert writer.is_confirmed()
    log.gate.clear()
    held = asyncio.create_task(write(writer, write_request(b"held")))
    await _eventually(lambda: log.writes)
    assert writer.is_confirmed()
    monkeypatch.setattr(log_writer_module, "SILENCE_LIMIT_S", 0.0)
    assert not writer.is_confirmed()
    log.gate.set()
    await held
    assert writer.is_confirmed()


class StoppedClock:
    """Stands in for the module `time`."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


async def test_a_writer_whose_writes_fail_is_not_confirmed_until_one_succeeds_or_none_was_tried_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = ControlledLog()
    writer = await log_writer(log)
    clock = StoppedClock()
    monkeypatch.setattr(log_writer_module, "time", clock)
    log.error = BrokerUnavailable("no answer")
    for seconds in (0.0, 20.0, 40.0):
        clock.seconds = seconds
        with pytest.raises(WriteUnconfirmed):
            await write(writer, write_request(b"lost"))
    assert not writer.is_confirmed()
    clock.seconds = 75.0
    assert writer.is_confirmed(), "only a new write can tell, and none comes to a service that is not ready"
    with pytest.raises(WriteUnconfirmed):
        await write(writer, write_request(b"lost"))
    assert not writer.is_confirmed()
    log.error = None
    await write(writer, write_request(b"taken"))
    assert writer.is_confirmed()
