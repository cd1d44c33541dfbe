"""Deleting topics: the broker confirms before they are gone, so that is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import NoError, UnknownTopicOrPartitionError, for_code

from penstock.bus.errors import BrokerUnavailable

CHECKS, CHECK_EVERY = 200, 0.05  # how often, and each how many seconds, it is looked whether they are gone


async def delete_topics(admin: AIOKafkaAdminClient, topics: Collection[str]) -> None:
    """Delete topics, and wait until none is left; one that another has deleted meanwhile is no failure.

    Raises:
        KafkaError: the broker refuses it.
        BrokerUnavailable: some are still there after 10 s; they may be deleted again.
    """
    if not topics:
        return
    response = await admin.delete_topics(sorted(topics))
    for name, code in response.topic_error_codes:
        if for_code(code) not in (NoError, UnknownTopicOrPartitionError):
            raise for_code(code)(name)
    for _ in range(CHECKS):
        left = set(topics).intersection(await admin.list_topics())
        if not left:
            return
        await asyncio.sleep(CHECK_EVERY)
    raise BrokerUnavailable(f"{', '.join(sorted(left))}: still being deleted")
