"""The consumers on Kafka: a member of a group, and a reader outside any."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaTopicPartition

from penstock.bus.errors import UnreadableBatch
from penstock.bus.kafka.assignor import unit_assignor
from penstock.bus.kafka.errors import translate_kafka_errors, unreadable_reason
from penstock.bus.kafka.fetched_records import FetchedResults
from penstock.bus.kafka.start_or_close import start_client, stop_client
from penstock.bus.ports import FetchedBatch, RebalanceListener, TopicPartition

FETCH_BYTES = 4 << 20  # per partition: larger fetches fill batches better
SESSION_MS = 10_000  # how long a silent member keeps its partitions
HEARTBEAT_MS = 300  # a member hears of a rebalance at its next heartbeat
LONGEST_HANDLING_MS = 3_600_000  # a training run is one record; health watches for progress
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds until what could not be read is fetched again
RETRY_LASTS = 5.0  # seconds within which a new fetch has failed again, if it does

log = logging.getLogger(__name__)


def _topic_partitions(partitions: Collection[KafkaTopicPartition]) -> list[TopicPartition]:
    return [(partition.topic, partition.partition) for partition in partitions]


class _KafkaListener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Passes rebalances on to the bus's listener, and seeks to the positions that it returns."""

    def __init__(
        self, consumer: AIOKafkaConsumer, listener: RebalanceListener, paused: set[KafkaTopicPartition]
    ) -> None:
        self._consumer = consumer
        self._listener = listener
        self._paused = paused

    async def on_partitions_revoked(self, revoked: Collection[KafkaTopicPartition]) -> None:
        await self._listener.on_revoked(_topic_partitions(revoked))
        self._paused.difference_update(revoked)

    async def on_partitions_assigned(self, assigned: Collection[KafkaTopicPartition]) -> None:
        positions = await self._listener.on_assigned(_topic_partitions(assigned))
        for topic_partition, offset in positions.items():
            self._consumer.seek(KafkaTopicPartition(*topic_partition), offset)


class KafkaSource:
    """A member of a consumer group."""

    def __init__(self, consumer: AIOKafkaConsumer, listener: RebalanceListener) -> None:
        self._consumer = consumer
        self._listener = listener
        self._paused: set[KafkaTopicPartition] = set()
        self._unreadable = _UnreadablePartitions(consumer, self._paused)
        self._results = FetchedResults.replace_in(consumer, self._unreadable.add)

    @classmethod
    async def join(
        cls, client_settings: Mapping[str, Any], namespace: str, group: str, listener: RebalanceListener
    ) -> Self:
        """Connect; the group is joined when the first topics are subscribed."""
        consumer = AIOKafkaConsumer(
            **client_settings,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            partition_assignment_strategy=(unit_assignor(namespace),),
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=LONGEST_HANDLING_MS,
            rebalance_timeout_ms=60_000,
            max_partition_fetch_bytes=FETCH_BYTES,
            metadata_max_age_ms=60_000,
        )
        with translate_kafka_errors():
            await start_client(consumer.start, consumer.stop)
        return cls(consumer, listener)

    async def subscribe(self, topics: Collection[str]) -> None:
        """Consume exactly these topics from now on."""
        listener = _KafkaListener(self._consumer, self._listener, self._paused)
        with translate_kafka_errors():
            if topics:
                self._consumer.subscribe(sorted(topics), listener=listener)
            else:
                self._consumer.unsubscribe()

    async def poll(self, max_records: int, wait: float) -> list[FetchedBatch]:
        """At most `max_records` records, waiting `wait` seconds for the first.

        A topic partition that cannot be read is left out for a while, so that the others are read on.
        """
        if not self._consumer.subscription():
            await asyncio.sleep(wait)  # the client would wait for a subscription forever
            return []
        self._unreadable.retry_due()
        with translate_kafka_errors():
            fetched = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=max_records)
        batches = _fetched_batches(fetched, self._results)
        self._unreadable.remove([KafkaTopicPartition(batch.topic, batch.partition) for batch in batches])
        return batches

    def pause(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Fetch none of these, of those that are assigned, until they are resumed or assigned anew."""
        assigned = self._assigned(topic_partitions)
        self._paused.update(assigned)
        self._consumer.pause(*assigned)

    def resume(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Fetch these again, of those that are assigned; one that cannot be read still waits for its next try."""
        assigned = self._assigned(topic_partitions)
        self._paused.difference_update(assigned)
        self._consumer.resume(*[partition for partition in assigned if not self._unreadable.is_waiting(partition)])

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read on from these offsets, of those that are assigned; what was fetched and not yet polled is dropped."""
        for partition in self._assigned(positions):
            self._consumer.seek(partition, positions[partition.topic, partition.partition])

    def _assigned(self, topic_partitions: Collection[TopicPartition]) -> list[KafkaTopicPartition]:
        wanted = {KafkaTopicPartition(*key) for key in topic_partitions}
        return [partition for partition in self._consumer.assignment() if partition in wanted]

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit positions to the group: everything before these offsets is done."""
        with translate_kafka_errors():
            await self._consumer.commit({KafkaTopicPartition(*key): offset for key, offset in positions.items()})

    def end_offsets(self) -> Mapping[TopicPartition, int]:
        """The next offset of each assigned topic partition, as of its last fetch."""
        ends = {partition: self._consumer.highwater(partition) for partition in self._consumer.assignment()}
        return {(partition.topic, partition.partition): end for partition, end in ends.items() if end is not None}

    def failures(self) -> Mapping[TopicPartition, str]:
        """The assigned topic partitions that cannot be read for now, and why."""
        assigned = self._consumer.assignment()
        return {
            (partition.topic, partition.partition): why
            for partition, why in self._unreadable.reasons().items()
            if partition in assigned
        }

    async def close(self) -> None:
        """Leave the group."""
        with translate_kafka_errors():
            await stop_client(self._consumer.stop)


class KafkaReader:
    """Reads topic partitions outside any group."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._results = FetchedResults.replace_in(consumer, self._note_failure)
        self._failure: str | None = None

    def _note_failure(self, partition: KafkaTopicPartition, offset: int, error: Exception) -> None:
        self._failure = _failure_text(partition, offset, unreadable_reason(error))

    @classmethod
    async def start(cls, client_settings: Mapping[str, Any], starts: Mapping[TopicPartition, int | None]) -> Self:
        """Connect and seek to the starts."""
        consumer = AIOKafkaConsumer(
            **client_settings,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        with translate_kafka_errors():
            await start_client(consumer.start, consumer.stop)
            reader = cls(consumer)
            try:
                consumer.assign([KafkaTopicPartition(*topic_partition) for topic_partition in starts])
                for topic_partition, offset in starts.items():
                    if offset is None:
                        await consumer.seek_to_end(KafkaTopicPartition(*topic_partition))
                    else:
                        consumer.seek(KafkaTopicPartition(*topic_partition), offset)
            except BaseException:
                await consumer.stop()
                raise
        return reader

    async def poll(self, wait: float) -> list[FetchedBatch]:
        """The next records, waiting `wait` seconds for the first."""
        with translate_kafka_errors():
            fetched = await self._consumer.getmany(timeout_ms=int(wait * 1000))
        failure, self._failure = self._failure, None
        batches = [batch for batch in _fetched_batches(fetched, self._results) if batch.records]
        if failure and not batches:
            raise UnreadableBatch(failure)
        return batches

    async def read_to_end(self) -> list[FetchedBatch]:
        """All records up to the ends as they are now."""
        fetched: list[FetchedBatch] = []
        with translate_kafka_errors():
            ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
            while await self.is_behind({(key.topic, key.partition): end for key, end in ends.items()}):
                fetched += await self.poll(1.0)
        return fetched

    async def is_behind(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether a record before one of these offsets is still to be read, of the topic partitions that it reads."""
        with translate_kafka_errors():
            for partition in self._consumer.assignment():
                end = ends.get((partition.topic, partition.partition), 0)
                if end and await self._consumer.position(partition) < end:
                    return True
        return False

    async def close(self) -> None:
        """Stop reading."""
        with translate_kafka_errors():
            await stop_client(self._consumer.stop)


@dataclass(frozen=True)
class _Unreadable:
    """Why a topic partition cannot be read, and when it is tried again, after a pause of so many seconds."""

    reason: str
    retry_at: float
    pause: float


class _UnreadablePartitions:
    """A consumer's topic partitions that cannot be read: each is paused, and tried again after ever longer pauses."""

    def __init__(self, consumer: AIOKafkaConsumer, paused: Collection[KafkaTopicPartition]) -> None:
        self._consumer = consumer
        self._paused = paused
        self._waiting: dict[KafkaTopicPartition, _Unreadable] = {}
        self._retried: dict[KafkaTopicPartition, _Unreadable] = {}

    def add(self, partition: KafkaTopicPartition, offset: int, error: Exception) -> None:
        """Leave a topic partition out for a while."""
        before = self._retried.pop(partition, None)
        pause = FIRST_PAUSE if before is None else min(2 * before.pause, LONGEST_PAUSE)
        reason = _failure_text(partition, offset, unreadable_reason(error))
        log.warning("%s; trying again in %g s", reason, pause)
        self._consumer.pause(partition)
        self._waiting[partition] = _Unreadable(reason, time.monotonic() + pause, pause)

    def retry_due(self) -> None:
        """Have those whose pause is over fetched again."""
        now = time.monotonic()
        for partition in [partition for partition, failure in self._waiting.items() if failure.retry_at <= now]:
            self._retried[partition] = self._waiting.pop(partition)
            if partition in self._consumer.assignment() and partition not in self._paused:
                self._consumer.resume(partition)

    def is_waiting(self, partition: KafkaTopicPartition) -> bool:
        """Whether it is left out for now."""
        return partition in self._waiting

    def remove(self, partitions: Collection[KafkaTopicPartition]) -> None:
        """These have been read."""
        if self._retried:
            for partition in partitions:
                self._retried.pop(partition, None)

    def reasons(self) -> dict[KafkaTopicPartition, str]:
        """Why each cannot be read; one that is tried again and fails no more, for want of records, is left out."""
        tried = time.monotonic() - RETRY_LASTS
        return {
            partition: failure.reason
            for partition, failure in (self._retried | self._waiting).items()
            if failure.retry_at > tried
        }


def _failure_text(partition: KafkaTopicPartition, offset: int, reason: str) -> str:
    where = f" at offset {offset}" if offset >= 0 else ""
    return f"{partition.topic}/{partition.partition} cannot be read{where}: {reason}"


def _fetched_batches(
    fetched: Mapping[KafkaTopicPartition, Sequence[Any]], results: FetchedResults
) -> list[FetchedBatch]:
    positions = results.take_positions()
    batches = [
        FetchedBatch(key.topic, key.partition, records, positions.pop(key, records[-1].offset + 1))
        for key, records in fetched.items()
        if records
    ]
    return batches + [FetchedBatch(key.topic, key.partition, (), position) for key, position in positions.items()]
