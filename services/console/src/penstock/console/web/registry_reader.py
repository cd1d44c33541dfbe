"""Questions to the registry, and the commands that people give it through the console."""

from __future__ import annotations

from typing import Any

import httpx

TIMEOUT = httpx.Timeout(10.0, connect=2.0)


class RegistryFailure(Exception):
    """The registry refused a request or does not answer; the message is for the person who asked.

    `status` is the HTTP status for them: the registry's own refusal, or 503.
    """

    def __init__(self, message: str, status: int = 503) -> None:
        super().__init__(message)
        self.status = status


class RegistryReader:
    """A client of the registry. Unlike the command line it does not wait for one that is down: the page says so."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, transport=transport)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def get(self, path: str) -> dict[str, Any]:
        """Read what lies at a path below `/v1/`.

        Raises:
            RegistryFailure: the registry refused or does not answer.
        """
        return await self._request("GET", path)

    async def command(self, path: str, body: dict[str, Any], actor: str, key: str) -> dict[str, Any]:
        """Give a command in a person's name; with the same `key` it is done once, however often it is sent.

        Raises:
            RegistryFailure: the registry refused or does not answer.
        """
        headers = {"x-penstock-actor": actor, "idempotency-key": key}
        return await self._request("POST", path, json=body, headers=headers)

    async def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            response = await self._client.request(method, f"{self._url}/v1/{path}", **options)
            document = response.json()
        except (httpx.HTTPError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise RegistryFailure(f"The registry at {self._url} does not answer: {reason}") from error
        if response.status_code >= 400:
            detail = document.get("detail") if isinstance(document, dict) else None
            raise RegistryFailure(f"The registry refused: {detail or response.status_code}", response.status_code)
        return dict(document)
