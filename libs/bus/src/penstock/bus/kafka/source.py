"""Reading from Kafka: as a member of a group, or on one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaTopicPartition

from penstock.bus.kafka.assignor import unit_assignor
from penstock.bus.kafka.errors import as_ours
from penstock.bus.ports import FetchedBatch, Ownership, TopicPartition

FETCH_BYTES = 4 << 20  # per partition: larger fetches fill batches better
SESSION_MS = 10_000  # how long a silent member keeps its places
HEARTBEAT_MS = 1_000  # a member hears of a rebalance at its next heartbeat
LONGEST_HANDLING_MS = 3_600_000  # a training run is one record; health watches for progress


def _places(partitions: Collection[KafkaTopicPartition]) -> list[TopicPartition]:
    return [(place.topic, place.partition) for place in partitions]


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Passes rebalances on to whoever owns the units, and starts reading where the owner says."""

    def __init__(self, consumer: AIOKafkaConsumer, ownership: Ownership) -> None:
        self._consumer = consumer
        self._ownership = ownership

    async def on_partitions_revoked(self, revoked: Collection[KafkaTopicPartition]) -> None:
        await self._ownership.lost(_places(revoked))

    async def on_partitions_assigned(self, assigned: Collection[KafkaTopicPartition]) -> None:
        for place, offset in (await self._ownership.gained(_places(assigned))).items():
            self._consumer.seek(KafkaTopicPartition(*place), offset)


class KafkaSource:
    """A member of a consumer group."""

    def __init__(self, consumer: AIOKafkaConsumer, ownership: Ownership) -> None:
        self._consumer = consumer
        self._ownership = ownership

    @classmethod
    async def join(cls, arguments: Mapping[str, Any], namespace: str, group: str, ownership: Ownership) -> Self:
        """Connect; the group is joined when the first topics are subscribed."""
        consumer = AIOKafkaConsumer(
            **arguments,
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
        with as_ours():
            await _started(consumer)
        return cls(consumer, ownership)

    async def subscribe(self, topics: Collection[str]) -> None:
        """Consume exactly these topics from now on."""
        with as_ours():
            if topics:
                self._consumer.subscribe(sorted(topics), listener=_Listener(self._consumer, self._ownership))
            else:
                self._consumer.unsubscribe()

    async def poll(self, most: int, wait: float) -> list[FetchedBatch]:
        """At most `most` records, waiting `wait` seconds for the first."""
        if not self._consumer.subscription():
            await asyncio.sleep(wait)  # the client would wait for a subscription for ever
            return []
        _take_records_as_decoded(self._consumer)
        with as_ours():
            found = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=most)
        return [FetchedBatch(place.topic, place.partition, records) for place, records in found.items() if records]

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Remember for the group that everything before these offsets is done."""
        with as_ours():
            await self._consumer.commit({KafkaTopicPartition(*place): offset for place, offset in positions.items()})

    def ends(self) -> Mapping[TopicPartition, int]:
        """The next offset of each place in hand, as of its last fetch."""
        known = {place: self._consumer.highwater(place) for place in self._consumer.assignment()}
        return {(place.topic, place.partition): end for place, end in known.items() if end is not None}

    async def close(self) -> None:
        """Leave the group."""
        with as_ours():
            await self._consumer.stop()


class KafkaReader:
    """Reads places outside any group."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    @classmethod
    async def start(cls, arguments: Mapping[str, Any], starts: Mapping[TopicPartition, int | None]) -> Self:
        """Connect and go to the starts."""
        consumer = AIOKafkaConsumer(
            **arguments,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        with as_ours():
            await _started(consumer)
            try:
                consumer.assign([KafkaTopicPartition(*place) for place in starts])
                for place, offset in starts.items():
                    if offset is None:
                        await consumer.seek_to_end(KafkaTopicPartition(*place))
                    else:
                        consumer.seek(KafkaTopicPartition(*place), offset)
            except BaseException:
                await consumer.stop()
                raise
        return cls(consumer)

    async def poll(self, wait: float) -> list[FetchedBatch]:
        """What came since, waiting `wait` seconds for the first."""
        with as_ours():
            found = await self._consumer.getmany(timeout_ms=int(wait * 1000))
        return [FetchedBatch(place.topic, place.partition, records) for place, records in found.items() if records]

    async def read_to_end(self) -> list[FetchedBatch]:
        """All up to where the places end now."""
        fetched: list[FetchedBatch] = []
        with as_ours():
            ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
            while await self._behind(ends):
                fetched += await self.poll(1.0)
        return fetched

    async def _behind(self, ends: Mapping[KafkaTopicPartition, int]) -> bool:
        return any([await self._consumer.position(place) < end for place, end in ends.items()])

    async def close(self) -> None:
        """Stop reading."""
        with as_ours():
            await self._consumer.stop()


def _take_records_as_decoded(consumer: AIOKafkaConsumer) -> None:
    """Have what was fetched handed out as the wire's decoder made it.

    The client would copy each record into a class of its own, which takes as long as all else it does for the record.
    What it does not let us reach is copied as ever, and reads the same.
    """
    for fetched in consumer._fetcher._records.values():
        records = getattr(fetched, "_partition_records", None)
        if records is not None:
            records._consumer_record = _as_decoded


def _as_decoded(_: KafkaTopicPartition, record: Any) -> Any:
    return record


async def _started(consumer: AIOKafkaConsumer) -> None:
    try:
        await consumer.start()
    except BaseException:
        await consumer.stop()
        raise
