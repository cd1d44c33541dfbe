"""How the services are, asked of each over HTTP at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from penstock.console.status.ask import ask


@dataclass(frozen=True)
class ServiceState:
    """A service at this moment: whether it is `ready`, else why not; what it is `failing` at; its `version`."""

    name: str
    ready: bool
    why: str
    version: str
    failing: Mapping[str, str]


class ServiceProbe:
    """Asks the services that the settings name."""

    def __init__(self, urls: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._urls = urls
        self._client = httpx.AsyncClient(trust_env=False, transport=transport)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def states(self) -> list[ServiceState]:
        """Each service, within 2 s."""
        return await asyncio.gather(*(self._state(name, url) for name, url in self._urls.items()))

    async def _state(self, name: str, url: str) -> ServiceState:
        ready, health = await asyncio.gather(ask(self._client, f"{url}/readyz"), ask(self._client, f"{url}/healthz"))
        waits_for = "; ".join(map(str, ready.document.get("waits_for", ())))
        stuck = ", ".join(map(str, health.document.get("stuck", ())))
        why = ready.failure or (f"{stuck}: a handler does not return" if stuck else "")
        if not why and not ready.well:
            why = f"waits for {waits_for or 'what it does not name'}"
        failing = health.document.get("failing")
        return ServiceState(
            name=name,
            ready=not why,
            why=why,
            version=str(health.document.get("version", "")),
            failing=failing if isinstance(failing, dict) else {},
        )
