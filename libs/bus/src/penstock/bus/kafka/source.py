"""A consumer on Kafka that is a member of a group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from penstock.bus.kafka.assignor import unit_assignor
from penstock.bus.kafka.errors import translate_kafka_errors
from penstock.bus.kafka.fetched_records import FetchedResults, fetched_batches
from penstock.bus.kafka.group_joins import let_tasks_begin
from penstock.bus.kafka.known_cluster import KnownCluster
from penstock.bus.kafka.partition_gaps import PartitionGaps, SeenPositions
from penstock.bus.kafka.start_or_close import start_client, stop_client
from penstock.bus.kafka.unreadable_partitions import UnreadablePartitions
from penstock.bus.ports import FetchedBatch, RebalanceListener, TopicPartition

FETCH_BYTES = 4 << 20  # per partition: larger fetches fill batches better
SESSION_MS = 10_000  # how long a silent member keeps its partitions
REBALANCE_MS = 25_000  # how long all others wait for a member that does not join again: less than a silence that alarms
HEARTBEAT_MS = 300  # a member hears of a rebalance at its next heartbeat
LONGEST_HANDLING_MS = 3_600_000  # a training run is one record; health watches for progress


def _topic_partitions(partitions: Collection[KafkaTopicPartition]) -> list[TopicPartition]:
    return [(partition.topic, partition.partition) for partition in partitions]


class KafkaSource(ConsumerRebalanceListener):  # type: ignore[misc]
    """A member of a consumer group. Passes rebalances on to the bus's listener, and reads from the positions that it
    returns, if the log has them.
    """

    def __init__(
        self, consumer: AIOKafkaConsumer, listener: RebalanceListener, seen: SeenPositions, cluster: KnownCluster
    ) -> None:
        self._consumer = consumer
        self._cluster = cluster
        self._listener = listener
        self._paused: set[KafkaTopicPartition] = set()
        self._gaps = PartitionGaps(consumer, seen)
        self._unreadable = UnreadablePartitions(consumer, self._is_paused)
        self._results = FetchedResults.replace_in(consumer, self._note_failure)
        self._assignment_error: Exception | None = None
        self._last_answer = time.monotonic()

    def _note_failure(self, partition: KafkaTopicPartition, offset: int, error: Exception) -> None:
        if isinstance(error, OffsetOutOfRangeError):
            self._gaps.add_out_of_range(partition)
        else:
            self._unreadable.add(partition, offset, error)

    def _is_paused(self, partition: KafkaTopicPartition) -> bool:
        return partition in self._paused or partition in self._gaps

    @classmethod
    async def join(
        cls,
        client_settings: Mapping[str, Any],
        namespace: str,
        group: str,
        listener: RebalanceListener,
        seen: SeenPositions,
        cluster: KnownCluster,
    ) -> Self:
        """Connect; the group is joined when the first topics are subscribed. `seen` is kept for the group's next."""
        consumer = AIOKafkaConsumer(
            **client_settings,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            partition_assignment_strategy=(unit_assignor(namespace),),
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=LONGEST_HANDLING_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            max_partition_fetch_bytes=FETCH_BYTES,
            metadata_max_age_ms=60_000,
        )
        with translate_kafka_errors():
            await start_client(consumer._client, cluster, consumer.start, consumer.stop)
        let_tasks_begin(consumer)
        return cls(consumer, listener, seen, cluster)

    async def subscribe(self, topics: Collection[str]) -> None:
        """Consume exactly these topics from now on."""
        with translate_kafka_errors():
            if topics:
                self._consumer.subscribe(sorted(topics), listener=self)
            else:
                self._consumer.unsubscribe()

    async def on_partitions_revoked(self, revoked: Collection[KafkaTopicPartition]) -> None:
        """Called by the client."""
        await self._listener.on_revoked(_topic_partitions(revoked))
        self._paused.difference_update(revoked)

    async def on_partitions_assigned(self, assigned: Collection[KafkaTopicPartition]) -> None:
        """Called by the client, which would only log what is raised here: the next poll raises it."""
        self._consumer.pause(*assigned)  # before the first fetch
        starts = await self._listener.on_assigned(_topic_partitions(assigned))
        try:
            positions = {KafkaTopicPartition(*key): at for key, at in starts.items()}
            positions |= await self._committed([partition for partition in assigned if partition not in positions])
            self._fetch(await self._gaps.start(assigned, positions))
        except Exception as error:
            if self._consumer.assignment() >= set(assigned):  # else the topics have changed: another comes
                self._assignment_error = error

    async def _committed(self, partitions: Sequence[KafkaTopicPartition]) -> dict[KafkaTopicPartition, int]:
        commits = await self._consumer._coordinator.fetch_committed_offsets(partitions)
        return {partition: commit.offset for partition, commit in commits.items() if commit.offset >= 0}

    async def poll(self, max_records: int, wait: float) -> list[FetchedBatch]:
        """At most `max_records` records, waiting `wait` seconds for the first.

        A topic partition that cannot be read is left out for a while, so that the others are read on; one whose
        position the log does not have is in the result once, with the gap, and left out until `seek`.
        """
        if not self._consumer.subscription():
            await asyncio.sleep(wait)  # the client would wait for a subscription forever
            return []
        self._unreadable.retry_due()
        with translate_kafka_errors():
            self._raise_assignment_error()
            self._fetch(await self._gaps.look())
            if gaps := self._gaps.take():
                return gaps
            fetched = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=max_records)
        self._cluster.check()
        batches = fetched_batches(fetched, self._results)
        self._unreadable.remove([KafkaTopicPartition(batch.topic, batch.partition) for batch in batches])
        return batches

    def silence(self) -> float:
        """For how many seconds the log has not answered; a member asks it at least every heartbeat."""
        now = time.monotonic()
        if not self._consumer.subscription():  # no member: nothing is asked for minutes
            self._last_answer = now
        connections = self._consumer._client._conns.values()  # its polls end in time, and without a word
        self._last_answer = max([self._last_answer, *(connection._last_action for connection in connections)])
        return now - self._last_answer

    def _raise_assignment_error(self) -> None:
        error, self._assignment_error = self._assignment_error, None
        if error is not None:
            raise error

    def pause(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Fetch none of these, of those that are assigned, until they are resumed or assigned anew."""
        assigned = self._assigned(topic_partitions)
        self._paused.update(assigned)
        self._consumer.pause(*assigned)

    def resume(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Fetch these again, of those that are assigned; one that cannot be read still waits for its next try."""
        assigned = self._assigned(topic_partitions)
        self._paused.difference_update(assigned)
        self._fetch(assigned)

    def _fetch(self, partitions: Collection[KafkaTopicPartition]) -> None:
        """Fetch those that nothing speaks against."""
        self._consumer.resume(*[p for p in partitions if not self._is_paused(p) and not self._unreadable.is_waiting(p)])

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read on from these offsets, of those that are assigned; what was fetched and not yet polled is dropped."""
        assigned = self._assigned(positions)
        for partition in assigned:
            self._consumer.seek(partition, positions[partition.topic, partition.partition])
            self._gaps.close(partition)
        self._fetch(assigned)

    def _assigned(self, topic_partitions: Collection[TopicPartition]) -> list[KafkaTopicPartition]:
        wanted = {KafkaTopicPartition(*key) for key in topic_partitions}
        return [partition for partition in self._consumer.assignment() if partition in wanted]

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit positions to the group: everything before these offsets is done."""
        self._cluster.check()
        with translate_kafka_errors():
            await self._consumer.commit({KafkaTopicPartition(*key): offset for key, offset in positions.items()})
        self._gaps.done(positions)

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
