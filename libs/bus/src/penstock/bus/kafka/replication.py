"""What Kafka's topics promise of a record that is confirmed: on how many brokers it is."""

from __future__ import annotations

from collections.abc import Collection

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import UnknownTopicOrPartitionError, for_code

from penstock.bus.kafka.topics.topic_settings import topic_settings

MIN_INSYNC_REPLICAS = "min.insync.replicas"


async def acknowledged_copies(admin: AIOKafkaAdminClient, topics: Collection[str]) -> dict[str, int]:
    """The copies of a confirmed record, by topic, of those that exist.

    Raises:
        KafkaError: the broker is away, or does not permit to describe a topic.
    """
    replicas = await _replicas(admin, topics)
    settings = await topic_settings(admin, replicas, [MIN_INSYNC_REPLICAS])
    return {topic: min(count, int(settings[topic][MIN_INSYNC_REPLICAS])) for topic, count in replicas.items()}


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
