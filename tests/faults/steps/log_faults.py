"""Faults inside the log: what is old expires, the newest records are lost, a topic is made anew."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from penstock.bus.memory.partition import MemoryPartition
from penstock.bus.ports import TopicPartition
from penstock.contracts.topics import ARCHIVER, EVENTS, LABELS, OUTCOMES, PREDICTIONS, RECEIVED, Topic
from tests.faults.client import Client
from tests.faults.declaration import NAMESPACE, STREAM
from tests.faults.steps.step import Kind

LOSABLE = (RECEIVED, EVENTS, LABELS, PREDICTIONS)
EXPIRING = (*LOSABLE, OUTCOMES)
LONGEST_TAIL = 10


async def _expire(client: Client, chance: Random) -> None:
    for key, partition in _any_partition(client, chance, EXPIRING):
        client.deployment.log.expire(key, chance.randint(partition.beginning, partition.end))


async def _lose_tail(client: Client, chance: Random) -> None:
    for key, partition in _any_partition(client, chance, LOSABLE):
        end = max(partition.beginning, partition.end - chance.randrange(LONGEST_TAIL))
        client.deployment.log.truncate(key, end)


async def _make_anew(client: Client, chance: Random) -> None:
    for (topic, _), _ in _any_partition(client, chance, LOSABLE):
        client.deployment.log.recreate(topic)


def _any_partition(
    client: Client, chance: Random, topics: Sequence[Topic[Any]]
) -> list[tuple[TopicPartition, MemoryPartition]]:
    """A partition of a topic whose consumers have all begun to read: of what was there before nobody would be told."""
    topic, log = chance.choice(topics), client.deployment.log
    keys = log.partitions_of(topic.name(NAMESPACE, STREAM))
    if any(key not in log.commits(group) for key in keys for group in topic.consumers if group != ARCHIVER):
        return []
    key = chance.choice(keys)
    partition = log.partition(key)
    assert partition is not None
    return [(key, partition)]


LOG_FAULTS = {
    "expire": Kind(_expire, 6),
    "lose-tail": Kind(_lose_tail, 5),
    "make-anew": Kind(_make_anew, 3),
}
