"""The topics that should exist, from the contracts' one table of them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from penstock.bus.ports import MAX_ENCLOSING_RECORD_BYTES, MAX_RECORD_BYTES, NewTopic
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import CONTROL_PLANE, DATA_PLANE, Topic

WEEK_MS = int(timedelta(days=7).total_seconds() * 1000)
DAY_MS = 86_400_000
GIGABYTE = 1 << 30


def control_topics(namespace: str) -> list[NewTopic]:
    """The topics of every deployment."""
    return [
        NewTopic(
            topic.name(namespace),
            1,
            WEEK_MS if topic.retention == "week" else None,
            max_record_bytes=max_record_bytes(topic),
        )
        for topic in CONTROL_PLANE
    ]


def max_record_bytes(topic: Topic[object]) -> int:
    """How many bytes of key and value a record of the topic may have."""
    return MAX_ENCLOSING_RECORD_BYTES if topic.embeds_records else MAX_RECORD_BYTES


def stream_topics(namespace: str, stream: StreamDeclared) -> list[NewTopic]:
    """The topics of one stream. Its retention in bytes is shared evenly among all their partitions."""
    partitions = sum(topic.partitions(stream) for topic in DATA_PLANE)
    retention = stream.declaration.retention
    return [
        NewTopic(
            topic.name(namespace, stream.name),
            topic.partitions(stream),
            int(retention.days * DAY_MS),
            int(retention.gigabytes * GIGABYTE / partitions),
            max_record_bytes(topic),
        )
        for topic in DATA_PLANE
    ]


def require_stream_topics(topics: Collection[str]) -> None:
    """Refuse to delete what does not belong to one stream alone.

    Raises:
        ValueError: one of the topics is none of a stream's, such as a topic of the control plane.
    """
    short_names = {topic.short_name for topic in DATA_PLANE}
    others = sorted(name for name in topics if name.count(".") != 2 or name.rpartition(".")[2] not in short_names)
    if others:
        raise ValueError(f"{', '.join(others)}: only a stream's own topics are ever deleted")
