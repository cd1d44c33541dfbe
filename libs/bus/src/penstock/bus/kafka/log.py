"""Kafka behind the loop: topics, offsets, groups, and the makers of sources, sinks and readers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin import NewTopic as KafkaTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.kafka.errors import as_ours
from penstock.bus.kafka.sink import OVERHEAD, KafkaSink
from penstock.bus.kafka.source import KafkaReader, KafkaSource
from penstock.bus.ports import NewTopic, Ownership, TopicPartition

REQUEST_TIMEOUT_MS = 10_000


@dataclass(frozen=True)
class Connection:
    """How to reach a cluster: the settings every client of it is given."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = None
    ca_file: str | None = None

    def arguments(self) -> dict[str, Any]:
        """The settings as aiokafka names them."""
        given: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.security_protocol,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
        }
        if self.security_protocol.endswith("SSL"):
            given["ssl_context"] = ssl.create_default_context(cafile=self.ca_file)
        if self.sasl_mechanism:
            given |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.sasl_password,
            }
        return given


class KafkaLog:
    """A Kafka cluster. Safe to share between the tasks of one event loop."""

    def __init__(self, connection: Connection, namespace: str, client_id: str, replication: int = 1) -> None:
        self._arguments = {**connection.arguments(), "client_id": client_id}
        self._namespace = namespace
        self._replication = replication
        self._admin: AIOKafkaAdminClient | None = None
        self._lookup: AIOKafkaConsumer | None = None
        self._connecting = asyncio.Lock()

    async def create(self, topics: Sequence[NewTopic]) -> None:
        """Create the topics that do not exist yet, and wait until their partitions have leaders."""
        with as_ours():
            admin = await self._connected_admin()
            response = await admin.create_topics([self._kafka_topic(topic) for topic in topics])
            for name, code, *_ in response.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise for_code(code)(name)
        await self._led([(topic.name, number) for topic in topics for number in range(topic.partitions)])

    def _kafka_topic(self, topic: NewTopic) -> KafkaTopic:
        kept = "-1" if topic.retention_ms is None else str(topic.retention_ms)
        size = "-1" if topic.retention_bytes is None else str(topic.retention_bytes)
        settings = {
            "message.timestamp.type": "LogAppendTime",
            "cleanup.policy": "delete",
            "retention.ms": kept,
            "retention.bytes": size,
            "max.message.bytes": str(topic.largest + OVERHEAD),
        }
        return KafkaTopic(topic.name, topic.partitions, self._replication, topic_configs=settings)

    async def _led(self, places: Sequence[TopicPartition]) -> None:
        """Wait until every place answers where it ends: CreateTopics answers before partitions lead."""
        for _ in range(200):
            if len(await self.ends(places)) == len(places):
                return
            await asyncio.sleep(0.05)
        raise BrokerUnavailable("created topics found no leader within 10 s")

    async def source(self, group: str, ownership: Ownership) -> KafkaSource:
        """Join a consumer group."""
        return await KafkaSource.join(self._arguments, self._namespace, group, ownership)

    async def sink(self) -> KafkaSink:
        """An idempotent producer of one's own."""
        return await KafkaSink.start(self._arguments)

    async def reader(self, starts: Mapping[TopicPartition, int | None]) -> KafkaReader:
        """Read the places from an offset on, None: only what comes from now on."""
        return await KafkaReader.start(self._arguments, starts)

    async def ends(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The next offset of each place; a place that does not exist is left out."""
        return await self._offsets("end_offsets", places)

    async def begins(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset each place still holds; a place that does not exist is left out."""
        return await self._offsets("beginning_offsets", places)

    async def _offsets(self, which: str, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        with as_ours():
            consumer = await self._connected_lookup()
            cluster = consumer._client.cluster
            missing = {topic for topic, number in places if number not in (cluster.partitions_for_topic(topic) or ())}
            if missing:
                consumer._client.set_topics({topic for topic, _ in places})
                await consumer._client.force_metadata_update()
            known = [
                KafkaTopicPartition(*place)
                for place in places
                if place[1] in (cluster.partitions_for_topic(place[0]) or ())
            ]
            found = await getattr(consumer, which)(known) if known else {}
            return {(place.topic, place.partition): offset for place, offset in found.items()}

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """Where the group has come to, for the places it has committed."""
        with as_ours():
            admin = await self._connected_admin()
            offsets = await admin.list_consumer_group_offsets(group)
            return {(place.topic, place.partition): found.offset for place, found in offsets.items()}

    async def close(self) -> None:
        """Close the connections for topics and offsets."""
        admin, self._admin = self._admin, None
        lookup, self._lookup = self._lookup, None
        if admin is not None:
            await admin.close()
        if lookup is not None:
            await lookup.stop()

    async def _connected_admin(self) -> AIOKafkaAdminClient:
        async with self._connecting:
            if self._admin is None:
                admin = AIOKafkaAdminClient(**self._arguments)
                try:
                    await admin.start()
                except BaseException:
                    await admin.close()
                    raise
                self._admin = admin
            return self._admin

    async def _connected_lookup(self) -> AIOKafkaConsumer:
        async with self._connecting:
            if self._lookup is None:
                lookup = AIOKafkaConsumer(**self._arguments)
                try:
                    await lookup.start()
                except BaseException:
                    await lookup.stop()
                    raise
                self._lookup = lookup
            return self._lookup
