"""What Kafka's topics promise of a record that is confirmed: on how many brokers it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import UnknownTopicOrPartitionError, for_code

MIN_INSYNC_REPLICAS = "min.insync.replicas"


async def acknowledged_copies(admin: AIOKafkaAdminClient, topics: Collection[str]) -> dict[str, int]:
    """The copies of a confirmed record, by topic, of those that exist.

    Raises:
        KafkaError: the broker is away, or does not permit to describe a topic.
    """
    replicas = await _replicas(admin, topics)
    insync = await _min_insync_replicas(admin, list(replicas)) if replicas else {}
    return {topic: min(count, insync[topic]) for topic, count in replicas.items()}


async def _replicas(admin: AIOKafkaAdminClient, topics: Collection[str]) -> dict[str, int]:
    """The fewest replicas that a partition of each topic has."""
    replicas = {}
    for topic in await admin.describe_topics(list(topics)):
        error = for_code(topic["error_code"])
        if error is UnknownTopicOrPartitionError:
            continue
        if topic["error_code"]:
            raise error(topic["topic"])
        replicas[topic["topic"]] = min(len(partition["replicas"]) for partition in topic["partitions"])
    return replicas


async def _min_insync_replicas(admin: AIOKafkaAdminClient, topics: Collection[str]) -> Mapping[str, int]:
    wanted = {MIN_INSYNC_REPLICAS: None}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic, configs=wanted) for topic in topics]
    found = {}
    for response in await admin.describe_configs(resources):
        for code, _, _, topic, entries in response.resources:
            if code:
                raise for_code(code)(topic)
            values: dict[str, Any] = {name: value for name, value, *_ in entries}
            found[topic] = int(values[MIN_INSYNC_REPLICAS])
    return found
