"""Whether the cluster keeps a confirmed record when a broker's disk is lost; refused at the start where it does not."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Literal

from penstock.bus.ports import Log
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.records.streams import Streams
from penstock.runtime.settings import SettingsError

Durability = Literal["production", "development"]

FEWEST_COPIES = 2

log = logging.getLogger(__name__)


async def check_durability(durability: Durability, kafka: Log, namespace: str, streams: Streams) -> None:
    """In production, require two copies of every confirmed record, on all topics of the namespace.

    Raises:
        SettingsError: a topic promises fewer.
        TransientError: the broker is away, or does not permit to describe its topics.
    """
    if durability == "development":
        log.warning("development mode: what is confirmed survives killed processes, not the loss of a broker's disk")
        return
    declared = [stream for name in streams.names() if (stream := streams.get(name)) is not None]
    topics = control_topics(namespace) + [topic for stream in declared for topic in stream_topics(namespace, stream)]
    weak = too_few_copies(await kafka.acknowledged_copies([topic.name for topic in topics]))
    if weak:
        raise SettingsError(weak)


def too_few_copies(copies: Mapping[str, int]) -> str | None:
    """What is wrong with topics that keep so many copies of a confirmed record, and what to do; None if nothing is.

    >>> too_few_copies({"penstock.streams": 2, "penstock.models": 3})
    """
    weak = sorted(topic for topic, count in copies.items() if count < FEWEST_COPIES)
    if not weak:
        return None
    others = f" and {len(weak) - 1} other topics" if len(weak) > 1 else ""
    return (
        f"PENSTOCK_DURABILITY: a confirmed record of {weak[0]}{others} may be on one broker alone. "
        "Use three brokers: KAFKA_REPLICATION_FACTOR=3 for topics to come; for those that are there, "
        "kafka-reassign-partitions and min.insync.replicas=2 (kafka-configs --alter). "
        "Or set PENSTOCK_DURABILITY=development, which survives killed processes only"
    )
