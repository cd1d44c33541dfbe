"""The consumer groups of a cluster, and how many members each has."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code


async def group_members(admin: AIOKafkaAdminClient, prefix: str) -> dict[str, int]:
    """How many members each group has whose name begins so.

    Raises:
        KafkaError: the cluster does not answer, or does not permit to describe a group.
    """
    names = sorted(name for name, *_ in await admin.list_consumer_groups() if name.startswith(prefix))
    members = {}
    for response in await admin.describe_consumer_groups(names) if names else ():
        for code, name, _state, _protocol_type, _protocol, group, *_ in response.groups:
            if code:
                raise for_code(code)(name)
            members[name] = len(group)
    return members
