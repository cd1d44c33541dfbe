"""Starting a client of Kafka: one that fails to start is stopped, so that none is left half open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from penstock.bus.kafka.known_cluster import KnownCluster


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
