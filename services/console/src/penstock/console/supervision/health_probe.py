"""Health probes: asking a process over its addresses whether it is healthy and ready."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx

from penstock.console.broker.broker_probe import broker_answers
from penstock.console.process_plan import KAFKA_SCHEME, ProcessPlan
from penstock.runtime.supervision.process_health import HealthStatus

PROBE_TIMEOUT_S = 5.0


class HealthProber:
    """Probes processes over HTTP connections that it reuses, and the broker by the Kafka protocol."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def probe(self, plan: ProcessPlan) -> HealthStatus:
        """The health of a process; it counts as ready only if it is healthy, and all processes under it are ready too.

        Whether those are healthy is for the process itself to see to.
        """
        healthy = await self._answers(plan.health)
        ready = healthy and (plan.ready == plan.health or await self._answers(plan.ready))
        return HealthStatus(healthy, ready and await self._all_ready(plan.children))

    async def _all_ready(self, children: Sequence[str]) -> bool:
        return all(await asyncio.gather(*(self._answers(f"{child}/readyz") for child in children)))

    async def _answers(self, address: str) -> bool:
        if address.startswith(KAFKA_SCHEME):
            return await broker_answers(address.removeprefix(KAFKA_SCHEME))
        try:
            response = await self._client.get(address, timeout=PROBE_TIMEOUT_S)
        except httpx.HTTPError:
            return False
        return response.status_code == httpx.codes.OK
