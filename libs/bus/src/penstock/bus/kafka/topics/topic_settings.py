"""What topics are set to on the broker."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code


async def topic_settings(
    admin: AIOKafkaAdminClient, topics: Collection[str], names: Collection[str]
) -> dict[str, Mapping[str, str]]:
    """The values of the settings of these names, by topic.

    Raises:
        KafkaError: the broker is away, a topic does not exist, or the broker does not permit to describe it.
    """
    wanted = dict.fromkeys(names)
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic, configs=wanted) for topic in topics]
    found: dict[str, Mapping[str, str]] = {}
    for response in await admin.describe_configs(resources) if resources else ():
        for code, _, _, topic, entries in response.resources:
            if code:
                raise for_code(code)(topic)
            found[topic] = {name: value for name, value, *_ in entries}
    return found
