"""What the retention of Kafka's topics keeps, and how many bytes their partitions hold."""

from __future__ import annotations

from collections.abc import Collection

from aiokafka.admin import AIOKafkaAdminClient

from penstock.bus.kafka.topics.log_dirs import partition_sizes
from penstock.bus.kafka.topics.topic_settings import topic_settings
from penstock.bus.ports import TopicRetention

RETENTION_MS, RETENTION_BYTES = "retention.ms", "retention.bytes"


async def topic_retention(admin: AIOKafkaAdminClient, topics: Collection[str]) -> dict[str, TopicRetention]:
    """The retention of each topic, all of which exist, and the bytes of each of its partitions.

    Raises:
        KafkaError: the broker is away, or does not permit to describe a topic or the cluster.
    """
    settings = await topic_settings(admin, topics, [RETENTION_MS, RETENTION_BYTES])
    described = await admin.describe_topics(list(settings)) if settings else []
    numbers = {topic["topic"]: [entry["partition"] for entry in topic["partitions"]] for topic in described}
    sizes = await partition_sizes(admin, numbers)
    return {
        topic: TopicRetention(
            _limit(values[RETENTION_MS]),
            _limit(values[RETENTION_BYTES]),
            {number: sizes.get((topic, number), 0) for number in numbers[topic]},
        )
        for topic, values in settings.items()
    }


def _limit(value: str) -> int | None:
    return int(value) if int(value) >= 0 else None
