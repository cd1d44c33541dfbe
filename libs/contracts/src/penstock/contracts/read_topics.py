"""Which consumer groups read which topics: what lag and what is left of retention are asked about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import ALERTS, CONTROL_PLANE, DATA_PLANE, Topic


class ReadTopic(NamedTuple):
    """A topic that consumer groups read. `stream` is None for the control plane; `expires` unless kept forever."""

    stream: str | None
    topic: str
    partitions: int
    groups: tuple[str, ...]
    expires: bool = True

    @property
    def keys(self) -> list[tuple[str, int]]:
        """Its topic partitions.

        >>> ReadTopic("loans", "penstock.loans.events", 2, ("server",)).keys
        [('penstock.loans.events', 0), ('penstock.loans.events', 1)]
        """
        return [(self.topic, number) for number in range(self.partitions)]


def destination_groups(members: Mapping[str, int]) -> tuple[str, ...]:
    """The notifier's groups that count, by how many members each has.

    One without a member, beside others that have some, is of a destination that is no longer in the notifier's file.

    >>> destination_groups({"notifier-ops": 1, "notifier-former": 0}), destination_groups({"notifier-ops": 0})
    (('notifier-ops',), ('notifier-ops',))
    """
    return tuple(sorted(name for name, count in members.items() if count)) or tuple(sorted(members))


def read_topics(namespace: str, streams: Streams, destinations: tuple[str, ...] = ()) -> list[ReadTopic]:
    """The topics that consumer groups read: each service's group has its name.

    The groups of the notifier's `destinations` read `alerts` beside them.
    """
    declared = [stream for name in streams.names() if (stream := streams.get(name)) is not None]
    control = [_read_topic(namespace, topic, None, destinations if topic is ALERTS else ()) for topic in CONTROL_PLANE]
    data = [_read_topic(namespace, topic, stream) for stream in declared for topic in DATA_PLANE]
    return [read for read in control + data if read.groups]


def _read_topic(
    namespace: str, topic: Topic[object], stream: StreamDeclared | None, others: tuple[str, ...] = ()
) -> ReadTopic:
    name = stream.name if stream else None
    groups = topic.consumers + others
    return ReadTopic(name, topic.name(namespace, name), topic.partitions(stream), groups, topic.expires)


def keys_of_group(group: str, topics: Iterable[ReadTopic]) -> list[tuple[str, int]]:
    """The topic partitions that a group reads.

    >>> keys_of_group("server", [ReadTopic(None, "a", 1, ("server",)), ReadTopic(None, "b", 1, ("registry",))])
    [('a', 0)]
    """
    return [key for read in topics if group in read.groups for key in read.keys]
