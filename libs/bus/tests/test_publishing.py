"""Publishing: placed by key, confirmed before it is done, and a broken sink is used no more."""

from __future__ import annotations

import asyncio

import pytest

from penstock.bus.errors import BrokerUnavailable, RecordTooLarge
from penstock.bus.memory.faulty_log import Fault, FaultyLog
from penstock.bus.ports import LARGEST_ENCLOSING, LARGEST_RECORD
from penstock.bus.publisher import Publisher
from penstock.bus.topics import stream_topics
from penstock.contracts.batch import Outputs
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.placement import partition_of
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import EVENTS, OUTCOMES, RECEIVED, REJECTED

DECLARATION = """
[stream]
name = "loans"
task = "binary"
entity = "customer"
[label]
name = "y"
classes = ["0", "1"]
[fields]
customer = { type = "category" }
"""


async def prepared(*faults: Fault, in_order: bool = False) -> tuple[FaultyLog, Publisher]:
    declared = StreamDeclared.model_validate(
        {
            "source": "t",
            "id": "loans-1",
            "time": "2026-01-01T00:00:00Z",
            "version": 1,
            "declaration": parse_declaration(DECLARATION),
        }
    )
    streams = Streams()
    streams.apply(declared)
    log = FaultyLog(faults)
    await log.create(stream_topics("test", declared))
    return log, Publisher(log, "test", streams, in_order=in_order)


def one(value: bytes, key: bytes = b"k") -> list[Outputs[object]]:
    return [Outputs(EVENTS, "loans", [value], [key])]


def written(log: FaultyLog, noun: str = "events") -> list[bytes | None]:
    return [record.value for number in range(4) for record in log.held((f"test.loans.{noun}", number))]


async def test_records_are_placed_by_their_key_and_into_the_one_partition_where_there_is_one() -> None:
    log, publisher = await prepared()
    keys = [b"%d" % number for number in range(20)]
    await publisher.publish(
        [Outputs(EVENTS, "loans", keys, keys), Outputs(OUTCOMES, "loans", keys, keys), Outputs(EVENTS, "loans", [], [])]
    )
    for number in range(4):
        held = [record.key for record in log.held(("test.loans.events", number))]
        assert held == [key for key in keys if partition_of(key, 4) == number]
    assert len(log.held(("test.loans.outcomes", 0))) == 20
    await publisher.publish([Outputs(EVENTS, "loans", [b"x"], [b"1"], partition=3)])
    assert log.held(("test.loans.events", 3))[-1].value == b"x"
    await publisher.close()


@pytest.mark.parametrize("fault", ["refused", "lost", "doubtful"])
async def test_a_sink_that_failed_is_thrown_away_and_the_next_write_succeeds(fault: Fault) -> None:
    log, publisher = await prepared("none", fault)
    await publisher.publish(one(b"1"))
    with pytest.raises(BrokerUnavailable):
        await publisher.publish(one(b"2"))
    assert log.sinks == 0
    await publisher.publish(one(b"3"))
    assert written(log)[-1] == b"3"
    assert log.sinks == 1
    await publisher.close()
    assert log.sinks == 0


@pytest.mark.parametrize("fault", ["refused", "lost"])
async def test_in_order_nothing_overtakes_a_write_that_failed(fault: Fault) -> None:
    log, publisher = await prepared(fault, in_order=True)
    for value in (b"1", b"2"):
        with pytest.raises(BrokerUnavailable):
            await publisher.publish(one(value))
    assert written(log) == []
    await publisher.close()
    await publisher.publish(one(b"1"))
    assert written(log) == [b"1"]
    await publisher.close()


async def test_writes_side_by_side_share_one_sink() -> None:
    log, publisher = await prepared()
    await asyncio.gather(*(publisher.publish(one(b"%d" % number)) for number in range(10)))
    assert log.sinks == 1
    assert len(written(log)) == 10
    await publisher.close()


async def test_a_record_that_is_too_large_is_refused_and_nothing_beside_it_is_written() -> None:
    log, publisher = await prepared()
    with pytest.raises(RecordTooLarge, match=r"test\.loans\.received"):
        await publisher.publish(
            [*one(b"beside"), Outputs(RECEIVED, "loans", [b"x" * LARGEST_RECORD], [b"k"])],
        )
    assert written(log) == []
    await publisher.publish([Outputs(RECEIVED, "loans", [b"x" * (LARGEST_RECORD - 1)], [b"k"])])
    await publisher.publish([Outputs(REJECTED, "loans", [b"x" * (LARGEST_ENCLOSING - 1)], [b"k"])])
    assert len(written(log, "received")) == len(written(log, "rejected")) == 1
    await publisher.close()


async def test_closing_a_publisher_that_wrote_nothing_is_fine() -> None:
    log, publisher = await prepared()
    await publisher.publish([])
    await publisher.close()
    assert log.sinks == 0
