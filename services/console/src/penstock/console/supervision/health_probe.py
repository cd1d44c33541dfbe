"""Asking a process whether it answers."""

from __future__ import annotations

import asyncio

import httpx
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from penstock.console.process_plan import KAFKA, ProcessPlan
from penstock.console.supervision.restart_policy import Answer

ANSWER_WITHIN_S = 5.0


class Prober:
    """Asks processes how they are, over connections that it keeps."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, plan: ProcessPlan) -> Answer:
        """How the process is; a process that can work is alive only if its health says so too."""
        healthy = await self._answers(plan.health)
        ready = healthy and (plan.ready == plan.health or await self._answers(plan.ready))
        return Answer(healthy, ready)

    async def _answers(self, address: str) -> bool:
        if address.startswith(KAFKA):
            return await broker_answers(address.removeprefix(KAFKA))
        try:
            answer = await self._client.get(address, timeout=ANSWER_WITHIN_S)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK


async def broker_answers(bootstrap: str) -> bool:
    """Whether a Kafka broker at `bootstrap` (`host:port`) tells its cluster's metadata."""
    if not await _accepts(bootstrap):
        return False
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=int(ANSWER_WITHIN_S * 1000))
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()


async def _accepts(address: str) -> bool:
    """Tried first, since a Kafka client writes an error log for every refused connection."""
    host, port = address.rsplit(":", 1)
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True
