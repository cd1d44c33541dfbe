"""The state of the server's processes: whether they serve a stream's newest epoch, and what they spent on learning."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from penstock.bus.ports import Log
from penstock.console.deployment import Deployment
from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.contracts.topics import OUTCOMES


class ServerState:
    """Reads `/healthz` of every process of the server that has an address: of HTTP, and of each stream child."""

    def __init__(self, client: httpx.AsyncClient, deployment: Deployment, watch: StreamWatch, log: Log) -> None:
        self._client = client
        self._addresses = [deployment.url("server"), *deployment.processes["server"].children]
        self._watch = watch
        self._log = log
        self._outcomes = (OUTCOMES.name(deployment.namespace, watch.stream.name), 0)
        self._last_served: tuple[int, int] | None = None

    async def serves_newest(self) -> bool:
        """Whether every process has the newest epoch, or refused its model, and has learnt from all outcomes."""
        await self._watch.poll()
        newest = (self._watch.newest_epoch, await self._outcomes_to_learn())
        if self._last_served != newest:
            health = await self._health()
            if all(document is not None and _is_at(document, self._watch.stream.name, *newest) for document in health):
                self._last_served = newest
        return self._last_served == newest

    async def learning_seconds(self) -> float:
        """The CPU seconds that the processes have spent on learning from outcomes."""
        return float(sum(document.get("learning_seconds", 0.0) for document in await self._health() if document))

    async def _outcomes_to_learn(self) -> int:
        """How many outcomes a model that learns while it serves must have learnt from; 0 for other models."""
        if not self._watch.stream.declaration.learns_online:
            return 0
        return (await self._log.end_offsets([self._outcomes])).get(self._outcomes, 0)

    async def _health(self) -> list[dict[str, Any] | None]:
        return await asyncio.gather(*map(self._health_document, self._addresses))

    async def _health_document(self, address: str) -> dict[str, Any] | None:
        try:
            document: dict[str, Any] = (await self._client.get(f"{address}/healthz")).json()
        except (httpx.TransportError, ValueError):
            return None
        return document


def _is_at(health: dict[str, Any], stream: str, epoch: int, outcomes: int) -> bool:
    learnt_to = health.get("learnt_to", {}).get(stream, outcomes)
    return _has_epoch(health, stream, epoch) and bool(learnt_to >= outcomes)


def _has_epoch(health: dict[str, Any], stream: str, epoch: int) -> bool:
    refused = health.get("refused", {}).get(stream)
    is_refused = isinstance(refused, dict) and refused.get("epoch") == epoch
    return is_refused or health.get("epochs", {}).get(stream) == epoch
