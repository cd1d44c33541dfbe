"""How many records each service has still to handle, asked of the log: so of services that are down, too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from penstock.bus.ports import Log, TopicPartition
from penstock.console.declared_streams import declared_streams
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import ALERTS, CONTROL_PLANE, DATA_PLANE, NOTIFIER_GROUPS

NOTIFIER = "notifier"


async def consumer_lags(log: Log, namespace: str) -> dict[str, int]:
    """The lag of each service, over all its groups and topics; a group that has committed nothing has all to read.

    Raises:
        TransientError: the log does not answer, or refuses.
    """
    reads = group_reads(namespace, await declared_streams(log, namespace))
    for group in await log.group_members(NOTIFIER_GROUPS):
        reads[group] = {(ALERTS.name(namespace), 0)}
    keys = {key for of_group in reads.values() for key in of_group}
    begins, ends = await log.beginning_offsets(keys), await log.end_offsets(keys)
    lags: dict[str, int] = defaultdict(int)
    for group, of_group in reads.items():
        commits = await log.committed(group, sorted(of_group))
        lags[service_of(group)] += lag(of_group, commits, begins, ends)
    return dict(lags)


def group_reads(namespace: str, streams: Streams) -> dict[str, set[TopicPartition]]:
    """The topic partitions that each service's group reads."""
    groups = {service for topic in CONTROL_PLANE + DATA_PLANE for service in topic.consumers}
    reads: dict[str, set[TopicPartition]] = {group: set() for group in groups}
    for topic in CONTROL_PLANE:
        for service in topic.consumers:
            reads[service].add((topic.name(namespace), 0))
    for stream in filter(None, map(streams.get, streams.names())):
        for topic in DATA_PLANE:
            for service in topic.consumers:
                name = topic.name(namespace, stream.name)
                reads[service] |= {(name, number) for number in range(topic.partitions(stream))}
    return reads


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
