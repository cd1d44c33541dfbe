"""Many requests in one write: what comes together goes together, in order, within bounds, and no word is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.bus.errors import BrokerUnavailable, RecordTooLarge
from penstock.bus.memory.log import MemoryLog, MemorySink
from penstock.bus.ports import RecordBatch
from penstock.bus.publisher import Publisher
from penstock.bus.topics import stream_topics
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import RECEIVED
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


class Sink(MemorySink):
    """Confirms when it is let to, and does not take what is larger than it says."""

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self._of = log

    async def send(self, records: Sequence[RecordBatch]) -> Awaitable[None]:
        values = [value for run in records for value in run.values]
        self._of.writes.append(len(values))
        if any(len(value or b"") > self._of.largest for value in values):
            raise RecordTooLarge("too large")
        confirmed = await super().send(records)
        return self._behind(confirmed)

    async def _behind(self, confirmed: Awaitable[None]) -> None:
        await self._of.open.wait()
        if self._of.fault is not None:
            raise self._of.fault
        await confirmed


class Log(MemoryLog):
    """A log that can be held up, or fail; `writes` are the numbers of records of each write."""

    largest = 100
    fault: Exception | None = None

    def __init__(self) -> None:
        super().__init__(lambda: 0)
        self.writes: list[int] = []
        self.open = asyncio.Event()
        self.open.set()

    async def sink(self) -> Sink:
        return Sink(self)

    def values(self, stream: str) -> list[bytes | None]:
        return [record.value for place in self.places_of(f"p.{stream}.received") for record in self.held(place)]


async def _delivery(log: Log, bounds: WriteLimits | None = None) -> LogWriter:
    streams = Streams()
    for stream in STREAMS:
        streams.apply(stream)
        await log.create(stream_topics("p", stream))
    return LogWriter(Publisher(log, "p", streams), RECEIVED, bounds or WriteLimits(seconds=20))


def parcel(*values: bytes, stream: str = "one", **more: Any) -> WriteRequest:
    return WriteRequest(stream, values, [b"key"] * len(values), **more)


async def deliver(delivery: LogWriter, *parcels: WriteRequest) -> None:
    for fault in await delivery.deliver(parcels):
        if fault is not None:
            raise fault


async def _eventually(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (several things are waited for)
            await asyncio.sleep(0)


async def test_what_comes_while_a_write_is_under_way_goes_together_and_in_order() -> None:
    log = Log()
    delivery = await _delivery(log)
    log.open.clear()
    tasks = [asyncio.create_task(deliver(delivery, parcel(b"first")))]
    await _eventually(lambda: log.writes)
    tasks += [asyncio.create_task(deliver(delivery, parcel(b"%d" % number))) for number in range(30)]
    tasks += [asyncio.create_task(deliver(delivery, parcel(b"other", stream="two")))]
    await asyncio.sleep(0)
    log.open.set()
    await asyncio.gather(*tasks)

    assert log.writes == [1, 31]
    assert log.values("one") == [b"first", *(b"%d" % number for number in range(30))]
    assert log.values("two") == [b"other"]


async def test_a_trace_goes_with_its_own_record() -> None:
    log = Log()
    delivery = await _delivery(log)
    await asyncio.gather(
        deliver(delivery, parcel(b"a", b"b", headers={1: b"trace-b"})),
        deliver(delivery, parcel(b"c")),
        deliver(delivery, parcel(b"d", headers={0: b"trace-d"})),
    )
    held = [record for place in log.places_of("p.one.received") for record in log.held(place)]
    assert {record.value: dict(record.headers) for record in held} == {
        b"a": {},
        b"b": {"traceparent": b"trace-b"},
        b"c": {},
        b"d": {"traceparent": b"trace-d"},
    }


async def test_one_that_is_too_large_holds_up_no_other() -> None:
    log = Log()
    delivery = await _delivery(log)
    outcomes = await asyncio.gather(
        *(deliver(delivery, parcel(value)) for value in (b"a", b"x" * 101, b"b")), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), RecordTooLarge, type(None)]
    assert log.values("one") == [b"a", b"b"]


async def test_of_parcels_that_were_handed_in_together_each_has_its_own_outcome() -> None:
    log = Log()
    delivery = await _delivery(log)
    faults = await delivery.deliver([parcel(b"a"), parcel(b"x" * 101), parcel(b"b", stream="two")])
    assert [type(fault) for fault in faults] == [type(None), RecordTooLarge, type(None)]
    assert (log.values("one"), log.values("two")) == ([b"a"], [b"b"])


async def test_a_broker_that_is_away_is_told_to_all_that_waited() -> None:
    log = Log()
    delivery = await _delivery(log)
    log.fault = BrokerUnavailable("away")
    outcomes = await asyncio.gather(*(deliver(delivery, parcel(b"a")) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [WriteUnconfirmed] * 3
    log.fault = None
    await deliver(delivery, parcel(b"b"))


async def test_no_one_waits_for_ever_and_what_was_given_up_unwritten_stays_unwritten() -> None:
    log = Log()
    delivery = await _delivery(log, WriteLimits(seconds=0.05))
    log.open.clear()
    outcomes = [asyncio.create_task(deliver(delivery, parcel(b"under way")))]
    await _eventually(lambda: log.writes)
    outcomes += [asyncio.create_task(deliver(delivery, parcel(b"waiting")))]
    given_up = await asyncio.gather(*outcomes, return_exceptions=True)
    log.open.set()
    await deliver(delivery, parcel(b"later"))

    assert [type(outcome) for outcome in given_up] == [WriteUnconfirmed] * 2
    assert log.values("one") == [b"under way", b"later"]


async def test_what_waits_is_bounded_also_for_those_who_do_not_wait() -> None:
    log = Log()
    delivery = await _delivery(log, WriteLimits(seconds=20, bytes=20))
    log.open.clear()
    lost: list[Exception] = []
    delivery.post([parcel(b"1234567")], lambda _, error: lost.append(error))
    delivery.post([parcel(b"1234567")], lambda _, error: lost.append(error))
    with pytest.raises(BufferFull):
        delivery.post([parcel(b"1")], lambda _, error: lost.append(error))
    with pytest.raises(BufferFull):
        await deliver(delivery, parcel(b"1"))
    log.open.set()
    await delivery.drain()
    delivery.post([parcel(b"3")], lambda _, error: lost.append(error))
    await delivery.drain()

    assert log.values("one") == [b"1234567", b"1234567", b"3"]
    assert lost == []


async def test_who_does_not_wait_hears_of_what_was_lost() -> None:
    log = Log()
    delivery = await _delivery(log)
    log.fault = BrokerUnavailable("away")
    lost: list[Any] = []
    for value in (b"a", b"b"):
        delivery.post([parcel(value)], lambda gone, error: lost.append((*gone.values, type(error))))
    await delivery.drain()
    await _eventually(lambda: len(lost) == 2)
    assert lost == [(b"a", WriteUnconfirmed), (b"b", WriteUnconfirmed)]
