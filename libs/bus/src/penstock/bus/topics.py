"""Which topics should exist, from the contracts' one table."""

from __future__ import annotations

from datetime import timedelta

from penstock.bus.ports import LARGEST_ENCLOSING, LARGEST_RECORD, NewTopic
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import CONTROL_PLANE, DATA_PLANE, Topic

WEEK_MS = int(timedelta(days=7).total_seconds() * 1000)
GIGABYTE = 1 << 30


def control_topics(namespace: str) -> list[NewTopic]:
    """The topics every deployment has."""
    return [
        NewTopic(topic.name(namespace), 1, WEEK_MS if topic.kept == "week" else None, largest=largest_of(topic))
        for topic in CONTROL_PLANE
    ]


def largest_of(topic: Topic[object]) -> int:
    """How many bytes of key and value a record of the topic may have."""
    return LARGEST_ENCLOSING if topic.encloses else LARGEST_RECORD


def stream_topics(namespace: str, stream: StreamDeclared) -> list[NewTopic]:
    """The topics of one stream. Its bytes are shared evenly among them and their partitions."""
    places = sum(topic.partitions(stream) for topic in DATA_PLANE)
    kept = stream.declaration.retention
    days_ms = int(kept.days * 86_400_000)
    size = int(kept.gigabytes * GIGABYTE / places)
    return [_stream_topic(topic, namespace, stream, days_ms, size) for topic in DATA_PLANE]


def _stream_topic(topic: Topic[object], namespace: str, stream: StreamDeclared, days_ms: int, size: int) -> NewTopic:
    return NewTopic(topic.name(namespace, stream.name), topic.partitions(stream), days_ms, size, largest_of(topic))
