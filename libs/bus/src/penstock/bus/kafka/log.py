"""A Kafka cluster as the log: its topics and offsets, and new sources, sinks and readers."""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin import NewTopic as KafkaTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.kafka.errors import translate_kafka_errors
from penstock.bus.kafka.group_members import group_members
from penstock.bus.kafka.known_cluster import KnownCluster
from penstock.bus.kafka.partition_gaps import SeenPositions
from penstock.bus.kafka.reader import KafkaReader
from penstock.bus.kafka.replication import acknowledged_copies
from penstock.bus.kafka.sink import OVERHEAD, KafkaSink
from penstock.bus.kafka.source import KafkaSource
from penstock.bus.kafka.start_or_close import start_client
from penstock.bus.kafka.topics.topic_deletion import delete_topics
from penstock.bus.kafka.topics.topic_ids import fetch_topic_ids
from penstock.bus.kafka.topics.topic_retention import topic_retention
from penstock.bus.ports import NewTopic, RebalanceListener, TopicPartition, TopicRetention
from penstock.bus.topics import require_stream_topics

REQUEST_TIMEOUT_MS = 10_000
LEADER_CHECKS, LEADER_CHECK_EVERY = 200, 0.05  # how often, and each how many seconds, new partitions are looked at


@dataclass(frozen=True)
class Connection:
    """How to reach a cluster: the settings of every client of it. With a `cluster_id`, no other cluster is accepted."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = None
    ca_file: str | None = None
    cluster_id: str | None = None

    def client_settings(self) -> dict[str, Any]:
        """The settings under aiokafka's names."""
        settings: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.security_protocol,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
        }
        if self.security_protocol.endswith("SSL"):
            settings["ssl_context"] = ssl.create_default_context(cafile=self.ca_file)
        if self.sasl_mechanism:
            settings |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.sasl_password,
            }
        return settings


class KafkaLog:
    """A Kafka cluster. Safe to share between the tasks of one event loop."""

    def __init__(self, connection: Connection, namespace: str, client_id: str, replication: int = 1) -> None:
        self._client_settings = {**connection.client_settings(), "client_id": client_id}
        self._namespace = namespace
        self._replication = replication
        self._admin: AIOKafkaAdminClient | None = None
        self._lookup: AIOKafkaConsumer | None = None
        self._connecting = asyncio.Lock()
        self._cluster = KnownCluster(connection.cluster_id)
        self._seen: dict[str, SeenPositions] = defaultdict(dict)

    async def create(self, topics: Sequence[NewTopic]) -> None:
        """Create the topics that do not exist yet, and wait until their partitions have leaders."""
        with translate_kafka_errors():
            admin = await self._connected_admin()
            response = await admin.create_topics([self._kafka_topic(topic) for topic in topics])
            for name, code, *_ in response.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise for_code(code)(name)
        await self._wait_for_leaders([(topic.name, number) for topic in topics for number in range(topic.partitions)])

    def _kafka_topic(self, topic: NewTopic) -> KafkaTopic:
        settings = {
            "message.timestamp.type": "LogAppendTime",
            "cleanup.policy": "delete",
            "retention.ms": _limit(topic.retention_ms),
            "retention.bytes": _limit(topic.retention_bytes),
            "max.message.bytes": str(topic.max_record_bytes + OVERHEAD),
        }
        if self._replication > 1:
            settings["min.insync.replicas"] = "2"
        return KafkaTopic(topic.name, topic.partitions, self._replication, topic_configs=settings)

    async def _wait_for_leaders(self, topic_partitions: Sequence[TopicPartition]) -> None:
        """Wait until every partition has an end offset: CreateTopics returns before partitions have leaders."""
        for _ in range(LEADER_CHECKS):
            if len(await self.end_offsets(topic_partitions)) == len(topic_partitions):
                return
            await asyncio.sleep(LEADER_CHECK_EVERY)
        raise BrokerUnavailable("created topics have no leader yet")

    async def delete_topics(self, topics: Collection[str]) -> None:
        """Delete those of the topics that exist, with all their records, and wait until none is left."""
        require_stream_topics(topics)
        with translate_kafka_errors():
            await delete_topics(await self._connected_admin(), await self.existing(topics))

    async def existing(self, topics: Collection[str]) -> set[str]:
        """Those of the topics that exist."""
        with translate_kafka_errors():
            admin = await self._connected_admin()
            return set(topics).intersection(await admin.list_topics())

    async def source(self, group: str, listener: RebalanceListener) -> KafkaSource:
        """Join a consumer group."""
        return await KafkaSource.join(
            self._client_settings, self._namespace, group, listener, self._seen[group], self._cluster
        )

    async def sink(self) -> KafkaSink:
        """A new idempotent producer."""
        return await KafkaSink.start(self._client_settings, self._cluster)

    async def reader(self, starts: Mapping[TopicPartition, int | None]) -> KafkaReader:
        """Read topic partitions from an offset on; None: only new records."""
        return await KafkaReader.start(self._client_settings, starts, self._cluster, self.topic_ids)

    async def end_offsets(self, topic_partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The next offset of each topic partition that exists."""
        return await self._offsets("end_offsets", topic_partitions)

    async def beginning_offsets(self, topic_partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset that each topic partition still has, of those that exist."""
        return await self._offsets("beginning_offsets", topic_partitions)

    async def _offsets(self, query: str, topic_partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        with translate_kafka_errors():
            consumer = await self._connected_lookup()
            existing = _existing(consumer, topic_partitions)
            if len(existing) < len(topic_partitions):
                consumer._client.set_topics({topic for topic, _ in topic_partitions})
                await consumer._client.force_metadata_update()
                existing = _existing(consumer, topic_partitions)
            offsets = await getattr(consumer, query)(existing) if existing else {}
            return {(partition.topic, partition.partition): offset for partition, offset in offsets.items()}

    async def offsets_at(self, times: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The offset of the first record at or after a time, the end where every record is older."""
        ends = await self.end_offsets(times)
        with translate_kafka_errors():
            consumer = await self._connected_lookup()
            found = await consumer.offsets_for_times({KafkaTopicPartition(*key): times[key] for key in ends})
        return {(key.topic, key.partition): at.offset if at else ends[key] for key, at in found.items()}

    async def retention(self, topics: Collection[str]) -> dict[str, TopicRetention]:
        """The retention of the topics, all of which exist."""
        with translate_kafka_errors():
            return await topic_retention(await self._connected_admin(), topics)

    async def acknowledged_copies(self, topics: Collection[str]) -> dict[str, int]:
        """How many copies hold a record at least once it is confirmed, of the topics that exist.

        That is `min.insync.replicas`, or the number of replicas where it is less.
        """
        with translate_kafka_errors():
            admin = await self._connected_admin()
            return await acknowledged_copies(admin, topics)

    async def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
        """The id of each topic that exists; a topic that was deleted and made anew has another."""
        with translate_kafka_errors():
            return await fetch_topic_ids((await self._connected_lookup())._client, topics)

    async def committed(
        self, group: str, topic_partitions: Collection[TopicPartition] | None = None
    ) -> dict[TopicPartition, int]:
        """The positions that the group has committed, of these topic partitions alone if any are given."""
        wanted = None if topic_partitions is None else [KafkaTopicPartition(*key) for key in topic_partitions]
        with translate_kafka_errors():
            admin = await self._connected_admin()
            commits = await admin.list_consumer_group_offsets(group, partitions=wanted)
            return {(key.topic, key.partition): commit.offset for key, commit in commits.items() if commit.offset >= 0}

    async def group_members(self, prefix: str) -> dict[str, int]:
        """How many members each consumer group has now whose name begins so; a group is known by its commits, too."""
        with translate_kafka_errors():
            return await group_members(await self._connected_admin(), prefix)

    async def close(self) -> None:
        """Close the connections for topics and offsets."""
        admin, self._admin = self._admin, None
        lookup, self._lookup = self._lookup, None
        if admin is not None:
            await admin.close()
        if lookup is not None:
            await lookup.stop()

    async def _leave_other_cluster(self) -> None:
        """Connect anew after a refusal: a client that was refused knows no broker any more."""
        if self._cluster.is_refused:
            await self.close()

    async def _connected_admin(self) -> AIOKafkaAdminClient:
        async with self._connecting:
            await self._leave_other_cluster()
            if self._admin is None:
                admin = AIOKafkaAdminClient(**self._client_settings)
                await start_client(admin._client, self._cluster, admin.start, admin.close)
                self._admin = admin
            return self._admin

    async def _connected_lookup(self) -> AIOKafkaConsumer:
        async with self._connecting:
            await self._leave_other_cluster()
            if self._lookup is None:
                lookup = AIOKafkaConsumer(**self._client_settings)
                await start_client(lookup._client, self._cluster, lookup.start, lookup.stop)
                self._lookup = lookup
            return self._lookup


def _existing(consumer: AIOKafkaConsumer, topic_partitions: Collection[TopicPartition]) -> list[KafkaTopicPartition]:
    """The topic partitions that the consumer's metadata has."""
    cluster = consumer._client.cluster
    return [
        KafkaTopicPartition(topic, number)
        for topic, number in topic_partitions
        if number in (cluster.partitions_for_topic(topic) or ())
    ]


def _limit(limit: int | None) -> str:
    return "-1" if limit is None else str(limit)
