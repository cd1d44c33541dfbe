"""What other clients may write to a topic of ours: it is read, and what cannot be read hurts no other partition."""

from __future__ import annotations

import asyncio
import re
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.consumer.fetcher import FetchError
from aiokafka.errors import (
    CorruptRecordException,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
    UnsupportedCodecError,
    UnsupportedVersionError,
)
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from penstock.bus.errors import AccessDenied, BrokerUnavailable, UnreadableBatch, UnsupportedBroker
from penstock.bus.kafka.errors import translate_kafka_errors, unreadable_reason
from penstock.bus.kafka.fetched_records import FetchedResults
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.kafka.source import KafkaSource
from penstock.bus.ports import FetchedBatch, NewTopic, Reader, TopicPartition
from penstock.console.broker.standalone import start_broker

LATIN_1 = "grösse".encode("latin-1")


class NoListener:
    """A rebalance listener that leaves positions to the commits."""

    async def on_assigned(self, _topic_partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {}

    async def on_revoked(self, _topic_partitions: Collection[TopicPartition]) -> None:
        pass


class Latin1Name(str):
    """A header's name that the client encodes as other clients do that take bytes."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return LATIN_1


class Topic:
    """A topic on a broker, and a member of a group that reads it."""

    def __init__(self, bootstrap: str, log: KafkaLog, name: str, source: KafkaSource) -> None:
        self.bootstrap = bootstrap
        self.log = log
        self.name = name
        self.source = source

    @asynccontextmanager
    async def producer(self, **settings: str) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, **settings)
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def write(self, *values: bytes, partition: int = 0, **settings: str) -> None:
        async with self.producer(**settings) as producer:
            for value in values:
                await producer.send_and_wait(self.name, value, partition=partition)

    async def poll_until(self, position: int, partition: int = 0) -> list[FetchedBatch]:
        batches: list[FetchedBatch] = []
        async with asyncio.timeout(30):
            while not any(batch.position >= position for batch in batches if batch.partition == partition):
                batches += await self.source.poll(500, 0.1)
        return batches

    async def poll_until_failure(self) -> list[FetchedBatch]:
        batches: list[FetchedBatch] = []
        async with asyncio.timeout(30):
            while not self.source.failures():
                batches += await self.source.poll(500, 0.1)
        return batches


@asynccontextmanager
async def open_topic(bootstrap: str, partitions: int = 1) -> AsyncIterator[Topic]:
    name = f"test.s{uuid.uuid4().hex[:8]}.events"
    log = KafkaLog(Connection(bootstrap), "test", "other-clients")
    await log.create([NewTopic(name, partitions)])
    source = await log.source("g" + name, NoListener())
    await source.subscribe([name])
    try:
        yield Topic(bootstrap, log, name, source)
    finally:
        await source.close()
        await log.close()


def values_in(batches: list[FetchedBatch]) -> list[bytes | None]:
    return [record.value for batch in batches for record in batch.records]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_records_are_read_whatever_codec_their_producer_compressed_them_with(broker: str, codec: str) -> None:
    async with open_topic(broker) as topic:
        await topic.write(b"x" * 1000, b"y" * 1000, compression_type=codec)
        assert values_in(await topic.poll_until(2)) == [b"x" * 1000, b"y" * 1000]


async def test_records_are_read_that_the_broker_itself_compressed(broker: str) -> None:
    async with open_topic(broker) as topic:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker)
        await admin.start()
        lz4 = {"compression.type": "lz4", "message.timestamp.type": "LogAppendTime"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, lz4)])
        await admin.close()
        await topic.write(b"x" * 1000)
        assert values_in(await topic.poll_until(1)) == [b"x" * 1000]


@pytest.mark.parametrize("codec", [0, 4], ids=["plain", "zstd"])
async def test_a_header_name_that_is_not_utf8_is_escaped_and_its_neighbours_are_read(broker: str, codec: int) -> None:
    async with open_topic(broker) as topic, topic.producer() as producer:
        await topic.write(b"before")
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, codec, False, -1, -1, -1, 100_000)
        for value, headers in [
            (b"first", [("ünicode", b"1")]),
            (b"odd", [(Latin1Name("x"), LATIN_1), ("plain", None)]),
            (b"last", []),
        ]:
            assert batch.append(key=b"k", value=value, timestamp=None, headers=headers)
        await (await producer.send_batch(batch, topic.name, partition=0))
        await topic.write(b"after")
        batches = await topic.poll_until(5)
        assert values_in(batches) == [b"before", b"first", b"odd", b"last", b"after"]
        records = [record for batch in batches for record in batch.records]
        assert [record.offset for record in records] == list(range(5))
        assert list(records[1].headers) == [("ünicode", b"1")]
        assert list(records[2].headers) == [("gr\\xf6sse", LATIN_1), ("plain", None)]
        assert all(record.timestamp > 0 for record in records)
        reader = await topic.log.reader({(topic.name, 0): 0})
        assert values_in(await reader.read_to_end()) == values_in(batches)
        await reader.close()


async def test_a_position_passes_the_markers_of_transactions_and_the_records_of_aborted_ones(broker: str) -> None:
    async with open_topic(broker) as topic:
        async with topic.producer(transactional_id=topic.name) as producer:
            async with producer.transaction():
                await producer.send_and_wait(topic.name, b"committed", partition=0)
            await producer.begin_transaction()
            await producer.send_and_wait(topic.name, b"aborted", partition=0)
            await producer.abort_transaction()
        end = 4  # two records, each with a marker
        batches = await topic.poll_until(end)
        assert values_in(batches) == [b"committed"]
        assert await topic.log.end_offsets([(topic.name, 0)]) == {(topic.name, 0): end}
        await topic.source.commit({(topic.name, 0): batches[-1].position})
        assert (await topic.log.committed("g" + topic.name))[topic.name, 0] == end


async def test_a_corrupt_batch_is_named_and_holds_up_its_partition_alone(tmp_path: Path) -> None:
    node = await asyncio.to_thread(start_broker, tmp_path)
    try:
        async with open_topic(node.bootstrap, partitions=2) as topic:
            for value in (b"whole", b"broken", b"behind"):
                await topic.write(value)
            _flip_a_bit(tmp_path, b"broken")
            await topic.write(b"healthy", partition=1)
            batches = await topic.poll_until(1, partition=1) + await topic.poll_until_failure()
            assert sorted(values_in(batches)) == [b"healthy", b"whole"]
            await topic.write(b"healthy too", partition=1)
            assert values_in(await topic.poll_until(2, partition=1)) == [b"healthy too"]
            reason = topic.source.failures()[topic.name, 0]
            assert reason.startswith(f"{topic.name}/0 cannot be read at offset 1: the batch is corrupt (CorruptRecord")
            reader = await topic.log.reader({(topic.name, 0): 0})
            with pytest.raises(UnreadableBatch, match=rf"{topic.name}/0 cannot be read at offset 1"):
                await reader.read_to_end()
            await reader.add({(topic.name, 1): 1})
            assert values_in(await poll_beside_what_is_unreadable(reader)) == [b"healthy too"]
            await reader.close()
            _flip_a_bit(tmp_path, b"broken"[:-1] + bytes([b"n"[0] ^ 1]))
            assert values_in(await topic.poll_until(3)) == [b"broken", b"behind"]
            assert topic.source.failures() == {}
    finally:
        await asyncio.to_thread(node.stop)


async def test_a_member_of_a_frozen_broker_knows_for_how_long_it_was_silent_though_its_polls_return(
    tmp_path: Path,
) -> None:
    node = await asyncio.to_thread(start_broker, tmp_path)
    try:
        async with open_topic(node.bootstrap) as topic:
            await topic.write(b"before")
            await topic.poll_until(1)

            async def poll_until(is_so: Callable[[float], bool]) -> None:
                async with asyncio.timeout(60):
                    while not is_so(topic.source.silence()):
                        assert await topic.source.poll(1, 0.1) == []

            await poll_until(lambda silence: silence < 1)
            node.process.send_signal(signal.SIGSTOP)
            try:
                await poll_until(lambda silence: silence > 3)
            finally:
                node.process.send_signal(signal.SIGCONT)
            await poll_until(lambda silence: silence < 1)
    finally:
        await asyncio.to_thread(node.stop)


async def poll_beside_what_is_unreadable(reader: Reader) -> list[FetchedBatch]:
    async with asyncio.timeout(60):
        while True:
            with suppress(UnreadableBatch):
                if batches := await reader.poll(0.1):
                    return batches


def _flip_a_bit(home: Path, value: bytes) -> None:
    """Flip the last bit of a value in the broker's files."""
    (path,) = [
        path for path in home.rglob("*.log") if path.parent.name.startswith("test.") and value in path.read_bytes()
    ]
    with path.open("r+b") as segment:
        position = path.read_bytes().index(value) + len(value) - 1
        segment.seek(position)
        segment.write(bytes([value[-1] ^ 1]))


def test_a_topic_that_may_not_be_read_is_reported_for_itself_and_other_errors_reach_the_consumer() -> None:
    failures: list[tuple[KafkaTopicPartition, int, str]] = []
    results = FetchedResults(lambda partition, offset, error: failures.append((partition, offset, str(error))))
    denied, away = KafkaTopicPartition("denied", 0), KafkaTopicPartition("away", 0)
    results[denied] = FetchError(error=TopicAuthorizationFailedError("denied"), backoff=0.1)
    results[away] = FetchError(error=RecordTooLargeError("away"), backoff=0.1)
    assert [(partition, offset) for partition, offset, _ in failures] == [(denied, -1)]
    assert list(results) == [away]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TopicAuthorizationFailedError("t"), "no permission to read the topic; grant it"),
        (UnsupportedCodecError("Unknown compression codec 0x05"), "codec 0x05; .*gzip, snappy, lz4 or zstd"),
        (CorruptRecordException("Invalid CRC"), "the batch is corrupt .*Invalid CRC.*kafka-delete-records"),
        (ValueError("a codec's own error"), "the batch is corrupt .*a codec's own error"),
    ],
)
def test_the_reason_why_a_partition_cannot_be_read_says_what_to_do(error: Exception, reason: str) -> None:
    assert re.search(reason, unreadable_reason(error))


@pytest.mark.parametrize(
    ("error", "translated", "text"),
    [
        (GroupAuthorizationFailedError("validator"), AccessDenied, "GroupAuthorizationFailed.*validator.*grant it"),
        (UnsupportedVersionError("fetch"), UnsupportedBroker, "too old.*3.7"),
        (KafkaConnectionError("gone"), BrokerUnavailable, "did not answer.*gone"),
    ],
)
def test_errors_of_the_broker_are_told_apart_by_what_helps(
    error: Exception, translated: type[Exception], text: str
) -> None:
    with pytest.raises(translated, match=text), translate_kafka_errors():
        raise error
