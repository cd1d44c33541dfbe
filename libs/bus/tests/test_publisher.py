"""The publisher: partitions by key, waits for confirmations, and never reuses a broken sink."""

from __future__ import annotations

import asyncio

import pytest

from penstock.bus.errors import BrokerUnavailable, RecordTooLarge
from penstock.bus.memory.faulty_log import Fault, FaultyLog
from penstock.bus.ports import MAX_ENCLOSING_RECORD_BYTES, MAX_RECORD_BYTES
from penstock.bus.publisher import Publisher
from penstock.bus.topics import stream_topics
from penstock.contracts.batch import Outputs
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.partitioner import partition_of
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


async def open_publisher(*faults: Fault, in_order: bool = False) -> tuple[FaultyLog, Publisher]:
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


def single_output(value: bytes, key: bytes = b"k") -> list[Outputs[object]]:
    return [Outputs(EVENTS, "loans", [value], [key])]


def values_of(log: FaultyLog, topic: str = "events") -> list[bytes | None]:
    return [record.value for number in range(4) for record in log.records_of((f"test.loans.{topic}", number))]


async def test_records_are_partitioned_by_key_unless_the_topic_has_one_partition() -> None:
    log, publisher = await open_publisher()
    keys = [b"%d" % number for number in range(20)]
    await publisher.publish(
        [Outputs(EVENTS, "loans", keys, keys), Outputs(OUTCOMES, "loans", keys, keys), Outputs(EVENTS, "loans", [], [])]
    )
    for number in range(4):
        keys_of_partition = [record.key for record in log.records_of(("test.loans.events", number))]
        assert keys_of_partition == [key for key in keys if partition_of(key, 4) == number]
    assert len(log.records_of(("test.loans.outcomes", 0))) == 20
    await publisher.publish([Outputs(EVENTS, "loans", [b"x"], [b"1"], partition=3)])
    assert log.records_of(("test.loans.events", 3))[-1].value == b"x"
    await publisher.close()


@pytest.mark.parametrize("fault", ["refused", "lost", "doubtful"])
async def test_a_sink_that_failed_is_discarded_and_the_next_write_succeeds(fault: Fault) -> None:
    log, publisher = await open_publisher("none", fault)
    await publisher.publish(single_output(b"1"))
    with pytest.raises(BrokerUnavailable):
        await publisher.publish(single_output(b"2"))
    assert log.sinks == 0
    await publisher.publish(single_output(b"3"))
    assert values_of(log)[-1] == b"3"
    assert log.sinks == 1
    await publisher.close()
    assert log.sinks == 0


@pytest.mark.parametrize("fault", ["refused", "lost"])
async def test_in_order_nothing_overtakes_a_write_that_failed(fault: Fault) -> None:
    log, publisher = await open_publisher(fault, in_order=True)
    for value in (b"1", b"2"):
        with pytest.raises(BrokerUnavailable):
            await publisher.publish(single_output(value))
    assert values_of(log) == []
    await publisher.close()
    await publisher.publish(single_output(b"1"))
    assert values_of(log) == [b"1"]
    await publisher.close()


async def test_writes_side_by_side_share_one_sink() -> None:
    log, publisher = await open_publisher()
    await asyncio.gather(*(publisher.publish(single_output(b"%d" % number)) for number in range(10)))
    assert log.sinks == 1
    assert len(values_of(log)) == 10
    await publisher.close()


async def test_a_record_that_is_too_large_is_refused_and_nothing_beside_it_is_written() -> None:
    log, publisher = await open_publisher()
    with pytest.raises(RecordTooLarge, match=r"test\.loans\.received"):
        await publisher.publish(
            [*single_output(b"beside"), Outputs(RECEIVED, "loans", [b"x" * MAX_RECORD_BYTES], [b"k"])],
        )
    assert values_of(log) == []
    await publisher.publish([Outputs(RECEIVED, "loans", [b"x" * (MAX_RECORD_BYTES - 1)], [b"k"])])
    await publisher.publish([Outputs(REJECTED, "loans", [b"x" * (MAX_ENCLOSING_RECORD_BYTES - 1)], [b"k"])])
    assert len(values_of(log, "received")) == len(values_of(log, "rejected")) == 1
    await publisher.close()


async def test_closing_a_publisher_that_wrote_nothing_does_nothing() -> None:
    log, publisher = await open_publisher()
    await publisher.publish([])
    await publisher.close()
    assert log.sinks == 0
