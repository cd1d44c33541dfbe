"""The console's own connection to a deployment's log, and how commands read from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TypeVar

from penstock.bus.errors import BrokerUnavailable, suppress_transient
from penstock.bus.follower import TopicFollower
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.ports import (
    FetchedBatch,
    Log,
    NewTopic,
    Reader,
    RebalanceListener,
    Sink,
    Source,
    TopicPartition,
    TopicRetention,
)
from penstock.console.deployment import BROKER, Deployment
from penstock.console.failure import wrong_input
from penstock.console.outage import Outage
from penstock.contracts.topics import Topic
from penstock.runtime.settings import ServiceSettings, SettingsError, read_settings

CLIENT_ID = "console"
POLL_S = 0.5
CLOSE_LIMIT_S = 0.5
ATTEMPT_S = 15.0  # longer than the client's own limits: a call may come to wait for a connection that is gone

R = TypeVar("R")


@asynccontextmanager
async def open_log(deployment: Deployment) -> AsyncIterator[Log]:
    """The log of a deployment, connected for the length of the block; what is read from it survives an outage.

    Raises:
        ConsoleFailure: the broker has not answered for 30 s.
    """
    kafka_log = KafkaLog(_connection(deployment), deployment.namespace, CLIENT_ID)
    try:
        yield PatientLog(kafka_log, Outage(f"The broker at {deployment.bootstrap}", BrokerUnavailable))
    finally:
        await suppress_transient(kafka_log.close())


@asynccontextmanager
async def open_log_once(deployment: Deployment, cluster_id: str | None = None) -> AsyncIterator[Log]:
    """The log of a deployment for a question that is not asked again; with a `cluster_id`, of no other cluster.

    It is left after half a second, whether or not the broker lets go.
    """
    kafka_log = KafkaLog(_connection(deployment, cluster_id), deployment.namespace, CLIENT_ID)
    try:
        yield kafka_log
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await suppress_transient(kafka_log.close())


def _connection(deployment: Deployment, cluster_id: str | None = None) -> Connection:
    """To the deployment's own broker without more ado; to another as the `KAFKA_…` variables of services say.

    Raises:
        ConsoleFailure: one of these is wrong.
    """
    if BROKER in deployment.processes:
        return Connection(deployment.bootstrap, cluster_id=cluster_id)
    try:
        return replace(read_settings(ServiceSettings).connection(), bootstrap_servers=deployment.bootstrap)
    except SettingsError as error:
        raise wrong_input(str(error)) from error


class PatientLog:
    """A log whose reading is tried again while the broker does not answer."""

    def __init__(self, log: Log, outage: Outage) -> None:
        self._log = log
        self._outage = outage

    async def create(self, topics: Sequence[NewTopic]) -> None:
        """Create the topics that do not exist yet."""
        await self._retry(lambda: self._log.create(topics))

    async def existing(self, topics: Collection[str]) -> set[str]:
        """Those of the topics that exist."""
        return await self._retry(lambda: self._log.existing(topics))

    async def source(self, group: str, listener: RebalanceListener) -> Source:
        """Join a consumer group; it is not tried again."""
        return await self._log.source(group, listener)

    async def delete_topics(self, topics: Collection[str]) -> None:
        """Delete those of the topics that exist, with all their records."""
        await self._retry(lambda: self._log.delete_topics(topics))

    async def sink(self) -> Sink:
        """A new producer, whose writes are not tried again."""
        return await self._log.sink()

    async def reader(self, starts: Mapping[TopicPartition, int | None]) -> Reader:
        """Read topic partitions from an offset on; None: only new records."""
        return PatientReader(await self._retry(lambda: self._log.reader(starts)), self._outage)

    async def end_offsets(self, topic_partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The next offset of each topic partition that exists."""
        return await self._retry(lambda: self._log.end_offsets(topic_partitions))

    async def beginning_offsets(self, topic_partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset that each topic partition still has, of those that exist."""
        return await self._retry(lambda: self._log.beginning_offsets(topic_partitions))

    async def acknowledged_copies(self, topics: Collection[str]) -> dict[str, int]:
        """How many copies hold a record at least once it is confirmed, of the topics that exist."""
        return await self._retry(lambda: self._log.acknowledged_copies(topics))

    async def offsets_at(self, times: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The offset of the first record at or after a time, the end where every record is older."""
        return await self._retry(lambda: self._log.offsets_at(times))

    async def retention(self, topics: Collection[str]) -> dict[str, TopicRetention]:
        """The retention of the topics, all of which exist."""
        return await self._retry(lambda: self._log.retention(topics))

    async def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
        """The id of each topic that exists; a topic that was deleted and made anew has another."""
        return await self._retry(lambda: self._log.topic_ids(topics))

    async def committed(
        self, group: str, topic_partitions: Collection[TopicPartition] | None = None
    ) -> dict[TopicPartition, int]:
        """The positions that the group has committed, of these topic partitions alone if any are given."""
        return await self._retry(lambda: self._log.committed(group, topic_partitions))

    async def group_members(self, prefix: str) -> dict[str, int]:
        """How many members each consumer group has now whose name begins so."""
        return await self._retry(lambda: self._log.group_members(prefix))

    async def close(self) -> None:
        """Close the connections."""
        await self._log.close()

    async def _retry(self, attempt: Callable[[], Awaitable[R]]) -> R:
        async def limited_attempt() -> R:
            try:
                async with asyncio.timeout(ATTEMPT_S):
                    return await attempt()
            except TimeoutError as error:
                raise BrokerUnavailable(f"no answer within {ATTEMPT_S:g} s") from error

        return await self._outage.retry(limited_attempt)


class PatientReader:
    """A reader that goes on where it was once the broker answers again."""

    def __init__(self, reader: Reader, outage: Outage) -> None:
        self._reader = reader
        self._outage = outage

    async def add(self, starts: Mapping[TopicPartition, int]) -> None:
        """Read these topic partitions too, each from an offset on."""
        await self._outage.retry(lambda: self._reader.add(starts))

    async def remove(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Read these no more."""
        await self._outage.retry(lambda: self._reader.remove(topic_partitions))

    async def poll(self, wait: float) -> list[FetchedBatch]:
        """The next records, waiting `wait` seconds for the first."""
        return await self._outage.retry(lambda: self._reader.poll(wait))

    async def is_behind(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether a record before one of these offsets is still to be read."""
        return await self._outage.retry(lambda: self._reader.is_behind(ends))

    async def read_to_end(self) -> list[FetchedBatch]:
        """All records up to the ends as they are now."""
        return await self._outage.retry(self._reader.read_to_end)

    async def close(self) -> None:
        """Stop reading."""
        await suppress_transient(self._reader.close())


async def read_control_topic(log: Log, namespace: str, topic: Topic[R], apply: Callable[[R], None]) -> None:
    """Apply every record that a control topic holds now, in order."""
    follower = TopicFollower(log, namespace, topic, apply)
    await follower.start()
    await follower.close()
