"""The console's own connection to a deployment's log, and how commands read from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from penstock.bus.follower import TopicFollower
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.ports import FetchedBatch, Log, Reader
from penstock.console.deployment import Deployment
from penstock.contracts.topics import Topic

CLIENT_ID = "console"
POLL_S = 0.5

R = TypeVar("R")


@asynccontextmanager
async def open_log(deployment: Deployment) -> AsyncIterator[KafkaLog]:
    """The log of a deployment, connected for the length of the block."""
    kafka_log = KafkaLog(Connection(deployment.bootstrap), deployment.namespace, CLIENT_ID)
    try:
        yield kafka_log
    finally:
        await kafka_log.close()


async def read_control_topic(log: Log, namespace: str, topic: Topic[R], apply: Callable[[R], None]) -> None:
    """Apply every record that a control topic holds now, in order."""
    follower = TopicFollower(log, namespace, topic, apply)
    await follower.start()
    await follower.close()


async def read_until(
    reader: Reader, apply: Callable[[Iterable[FetchedBatch]], None], is_complete: Callable[[], bool]
) -> None:
    """Apply what the reader fetches until `is_complete`: how the console waits for records."""
    while not is_complete():
        apply(await reader.poll(POLL_S))
