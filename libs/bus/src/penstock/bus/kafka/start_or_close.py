"""Starting and stopping clients of Kafka: none is left half open, and none is waited for without end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import penstock.bus.kafka.connections  # noqa: F401 - before any client connects
from penstock.bus.kafka.known_cluster import KnownCluster

STOP_LIMIT = 10.0  # seconds: an idempotent producer would wait for ever for a partition that confirms nothing

log = logging.getLogger(__name__)


async def start_client(
    client: Any, cluster: KnownCluster, start: Callable[[], Awaitable[Any]], stop: Callable[[], Awaitable[Any]]
) -> None:
    """Call `start`; if it fails or is cancelled, or another cluster answers `client`, call `stop`, and raise."""
    cluster.watch(client)
    try:
        await start()
        cluster.check()
    except BaseException:
        await stop()
        raise


async def stop_client(stop: Callable[[], Awaitable[Any]]) -> bool:
    """Call `stop`; False if that takes longer than 10 s, after which it is given up."""
    try:
        async with asyncio.timeout(STOP_LIMIT):
            await stop()
    except TimeoutError:
        log.warning("a client of the broker did not stop within %g s; it is given up", STOP_LIMIT)
        return False
    return True
