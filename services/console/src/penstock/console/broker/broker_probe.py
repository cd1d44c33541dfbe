"""Whether a Kafka broker answers."""

from __future__ import annotations

import asyncio

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

TIMEOUT_S = 5.0


async def broker_answers(bootstrap: str, timeout_s: float = TIMEOUT_S) -> bool:
    """Whether a Kafka broker at `bootstrap` (`host:port`) returns its cluster's metadata; each step within a time."""
    if not await _accepts_connections(bootstrap, timeout_s):
        return False
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=int(timeout_s * 1000))
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()


async def _accepts_connections(address: str, timeout_s: float) -> bool:
    """Tried first, because a Kafka client logs an error for every refused connection."""
    host, port = address.rsplit(":", 1)
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True
