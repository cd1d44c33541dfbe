"""How many records each service has still to handle, asked of the log: so of services that are down, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from penstock.bus.ports import Log, TopicPartition
from penstock.console.declared_streams import declared_streams
from penstock.contracts.read_topics import destination_groups, keys_of_group, read_topics
from penstock.contracts.topics import CONTROL_PLANE, DATA_PLANE, NOTIFIER_GROUPS

NOTIFIER = "notifier"


@dataclass(frozen=True)
class EdgeLag:
    """How many records of a topic, named in full, a group has still to handle."""

    group: str
    topic: str
    lag: int


async def edge_lags(log: Log, namespace: str) -> list[EdgeLag]:
    """The lag of each group on each of its topics; a group that has committed nothing has all to read.

    Raises:
        TransientError: the log does not answer, or refuses.
    """
    destinations = destination_groups(await log.group_members(NOTIFIER_GROUPS))
    topics = read_topics(namespace, await declared_streams(log, namespace), destinations)
    keys = [key for read in topics for key in read.keys]
    begins, ends = await log.beginning_offsets(keys), await log.end_offsets(keys)
    found = []
    for group in sorted({group for read in topics for group in read.groups}):
        commits = await log.committed(group, keys_of_group(group, topics))
        found += [
            EdgeLag(group, read.keys[0][0], lag(set(read.keys), commits, begins, ends))
            for read in topics
            if group in read.groups
        ]
    return found


async def consumer_lags(log: Log, namespace: str) -> dict[str, int]:
    """The lag of each service, over all its groups and topics.

    Raises:
        TransientError: the log does not answer, or refuses.
    """
    return lags_by_service(await edge_lags(log, namespace))


def lags_by_service(edges: Iterable[EdgeLag]) -> dict[str, int]:
    """The lag of each service that reads a topic in a group."""
    lags: dict[str, int] = dict.fromkeys(
        (service for topic in CONTROL_PLANE + DATA_PLANE for service in topic.consumers), 0
    )
    for edge in edges:
        service = service_of(edge.group)
        lags[service] = lags.get(service, 0) + edge.lag
    return lags


def lag(
    reads: set[TopicPartition],
    commits: Mapping[TopicPartition, int],
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> int:
    """The records between where a group stands and where its topics end, of those topics that exist.

    >>> lag({("t", 0), ("t", 1)}, {("t", 0): 7}, {("t", 0): 0, ("t", 1): 4}, {("t", 0): 9, ("t", 1): 5})
    3
    """
    return sum(max(0, ends[key] - max(commits.get(key, 0), begins.get(key, 0))) for key in reads & ends.keys())


def service_of(group: str) -> str:
    """The service of a group: of the same name, or the notifier, which has a group for each destination."""
    return NOTIFIER if group.startswith(NOTIFIER_GROUPS) else group
