"""The services' HTTP, as the console uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

import httpx

from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.contracts.ids import derived_id

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
TRIES = 120
PAUSE = 0.5  # seconds before the same records are sent again


class Requests:
    """Requests to the services, and a count of those that failed: a 5xx, a time-out, a reset."""

    def __init__(self, ingestion: str, registry: str) -> None:
        self.failed = 0
        self._ingestion = ingestion
        self._registry = registry
        self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def hand_in(
        self, stream: str, kind: Literal["event", "label"], bodies: Sequence[bytes], headers: dict[str, str]
    ) -> int:
        """Send records to ingestion as NDJSON, again and again until it takes them; how many it refused."""
        return len(await self.refused_of(stream, kind, bodies, headers))

    async def refused_of(
        self, stream: str, kind: Literal["event", "label"], bodies: Sequence[bytes], headers: dict[str, str]
    ) -> list[dict[str, Any]]:
        """The same; what it said of each that it refused: its `index`, `code`, `field` and `detail`."""
        url = f"{self._ingestion}/v1/streams/{stream}/{kind}s"
        answer = await self._insist(url, b"\n".join(bodies), {"content-type": "application/x-ndjson", **headers})
        return list(answer.get("refused", ()))

    async def tell_imported(self, stream: str, outcomes: int, detail: str) -> None:
        """Tell the registry that history was imported, with which the stream has so many outcomes; told again, it is done.

        Raises:
            ConsoleFailure: the registry does not answer.
        """
        url = f"{self._registry}/v1/streams/{stream}/imported"
        key = {"idempotency-key": derived_id("imported", stream, outcomes, detail)}
        try:
            _understood(await self._client.post(url, json={"outcomes": outcomes, "detail": detail}, headers=key))
        except httpx.TransportError as error:
            raise ConsoleFailure(f"{url}: the registry does not answer; import the file again") from error

    async def _insist(self, url: str, content: bytes, headers: dict[str, str]) -> dict[str, Any]:
        for _ in range(TRIES):
            with suppress(httpx.TransportError):
                response = await self._client.post(url, content=content, headers=headers)
                if response.status_code < 500:
                    return _understood(response)
            self.failed += 1
            await asyncio.sleep(PAUSE)
        raise ConsoleFailure(f"{url} failed {TRIES} times; see: penstock logs ingestion")

    async def apply(self, name: str, declaration: str, media_type: str = "application/json") -> str:
        """Declare a stream; `created`, `changed` or `unchanged`.

        Raises:
            ConsoleFailure: the registry refused it.
        """
        content = {"content": declaration.encode(), "headers": {"content-type": media_type}}
        return str((await self._registry_says("PUT", name, **content))["status"])

    async def command(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What a command to the registry comes to; `path` begins with the stream.

        Raises:
            ConsoleFailure: the registry refused it.
        """
        return await self._registry_says("POST", path, json=body)

    async def look(self, path: str) -> dict[str, Any]:
        """What the registry shows; `path` begins with the stream.

        Raises:
            ConsoleFailure: there is no such thing.
        """
        return await self._registry_says("GET", path)

    async def _registry_says(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        url = f"{self._registry}/v1/streams/{path}"
        try:
            return _understood(await self._client.request(method, url, **sent))
        except httpx.TransportError as error:
            raise ConsoleFailure(f"{url}: the registry does not answer; see: penstock status") from error


def _understood(response: httpx.Response) -> dict[str, Any]:
    """The answer's document; a batch of which nothing was accepted is an answer too."""
    document = response.json()
    if response.status_code >= 400 and "refused" not in document:
        raise wrong_input(f"{response.url}: {document.get('detail', response.status_code)}")
    found: dict[str, Any] = document
    return found
