"""HTTP requests of the console to ingestion and the registry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal
from uuid import uuid4

import httpx

from penstock.console.actor import actor
from penstock.console.deployment import Deployment
from penstock.console.failure import ConsoleFailure, RequestRefused
from penstock.console.outage import Outage
from penstock.console.poll import poll
from penstock.console.record_refusal import RecordRefusal, RefusalReason
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.ids import derived_id

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
UNAVAILABLE = 503  # a service that cannot reach the broker answers so
ATTEMPTS = 120
RETRY_PAUSE_S = 0.5


class ServicesClient:
    """A client of ingestion and the registry.

    `failed_requests` counts the requests to ingestion that failed: a 5xx, a time-out, a reset.
    """

    def __init__(self, ingestion: str, registry: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.failed_requests = 0
        self._ingestion = ingestion
        self._registry = registry
        self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, transport=transport)
        self._registry_outage = Outage(f"The registry at {registry}", _NotDone)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send_records(
        self,
        stream: str,
        kind: Literal["event", "label"],
        bodies: Sequence[bytes],
        headers: Mapping[str, str] | None = None,
    ) -> list[RecordRefusal]:
        """Send records to ingestion as NDJSON, again while it fails; the refused ones.

        Raises:
            ConsoleFailure: the intake of the stream is paused, or ingestion failed `ATTEMPTS` times or refused the
                request as a whole.
        """
        url = f"{self._ingestion}/v1/streams/{stream}/{kind}s"
        document = await self._post_with_retries(stream, url, b"\n".join(bodies), headers or {})
        return [
            RecordRefusal(entry["index"], RefusalReason(entry["code"], entry["field"] or "", entry["detail"]))
            for entry in document.get("refused", ())
        ]

    async def report_import(self, stream: str, outcomes: int, detail: str) -> None:
        """Report to the registry that history was imported. Repeating it changes nothing.

        Args:
            stream: the name of the stream.
            outcomes: how many outcomes the stream has with the imported ones.
            detail: what was imported, for the audit log.

        Raises:
            ConsoleFailure: the registry does not answer.
        """
        url = f"{self._registry}/v1/streams/{stream}/imported"
        key = {"idempotency-key": derived_id("imported", stream, outcomes, detail)}
        await self._request(url, "POST", repeatable=True, json={"outcomes": outcomes, "detail": detail}, headers=key)

    async def push(self, stream: str, body: dict[str, Any]) -> None:
        """Hand in a model that is in the store; repeated while the registry does not answer, and done once.

        Raises:
            ConsoleFailure: the registry refused it.
        """
        headers = {"x-penstock-actor": actor(), "idempotency-key": str(uuid4())}
        url = f"{self._registry}/v1/streams/{stream}/push"
        await self._request(url, "POST", repeatable=True, json=body, headers=headers)

    async def declaration_of(self, stream: str) -> Declaration | None:
        """The declaration of a stream that is in force, None if there is no such stream."""
        try:
            return Declaration.model_validate((await self.get(f"streams/{stream}"))["declaration"])
        except RequestRefused as refusal:
            if refusal.code == "unknown_stream":
                return None
            raise

    async def declare(self, name: str, declaration: str, media_type: str = "application/json") -> str:
        """Declare a stream; `created`, `changed` or `unchanged`.

        Raises:
            ConsoleFailure: the registry refused it.
        """
        content = {"content": declaration.encode(), "headers": {"content-type": media_type}}
        return str((await self._request_registry("PUT", f"streams/{name}", **content))["status"])

    async def post(self, path: str, body: dict[str, Any], by: str | None = None) -> dict[str, Any]:
        """Send a command to the registry, in the user's name unless another is given; `path` lies below `/v1/`.

        Raises:
            ConsoleFailure: the registry refused it.
        """
        return await self._request_registry("POST", path, json=body, headers={"x-penstock-actor": by or actor()})

    async def get(self, path: str) -> dict[str, Any]:
        """Read from the registry; `path` lies below `/v1/`.

        Raises:
            ConsoleFailure: the registry has nothing there.
        """
        return await self._request_registry("GET", path)

    async def _post_with_retries(
        self, stream: str, url: str, content: bytes, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        async def attempt() -> httpx.Response | None:
            try:
                response = await self._client.post(
                    url, content=content, headers={"content-type": "application/x-ndjson", **headers}
                )
            except httpx.TransportError:
                self.failed_requests += 1
                return None
            if response.status_code < 500:
                return response
            if _is_paused(response):  # a person decides when that is over
                raise ConsoleFailure(f"{url}: {_detail(response)}; see: penstock stream show {stream}")
            self.failed_requests += 1
            return None

        try:
            return _document(await poll(attempt, RETRY_PAUSE_S, attempts=ATTEMPTS))
        except TimeoutError as error:
            raise ConsoleFailure(f"{url} failed {ATTEMPTS} times; see: penstock logs ingestion") from error

    async def _request_registry(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        url = f"{self._registry}/v1/{path}"
        return await self._request(url, method, repeatable=method != "POST", **options)

    async def _request(self, url: str, method: str, *, repeatable: bool, **options: Any) -> dict[str, Any]:
        """Send a request to the registry, again while it does not answer, provided that nothing is done twice by that.

        Raises:
            ConsoleFailure: the registry refused it, or does not answer.
        """

        async def attempt() -> httpx.Response:
            try:
                response = await self._client.request(method, url, **options)
            except httpx.ConnectError as error:
                raise _NotDone(_text(error)) from error
            except httpx.TransportError as error:
                if repeatable:
                    raise _NotDone(_text(error)) from error
                raise ConsoleFailure(
                    f"{url}: the registry did not answer ({_text(error)}); whether it has done it is unknown"
                ) from error
            if response.status_code == UNAVAILABLE:
                raise _NotDone(f"{UNAVAILABLE}: {_detail(response)}")
            return response

        return _document(await self._registry_outage.retry(attempt))


class _NotDone(Exception):
    """A request was not carried out, or may be sent again all the same."""


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _is_paused(response: httpx.Response) -> bool:
    try:
        return bool(response.json().get("code") == "paused")
    except (ValueError, AttributeError):
        return False


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json().get("detail", response.status_code))
    except (ValueError, AttributeError):
        return str(response.status_code)


def _document(response: httpx.Response) -> dict[str, Any]:
    """The JSON body of a response. A batch of which every record was refused is no failure.

    Raises:
        ConsoleFailure: the request as a whole was refused, or failed.
    """
    if response.status_code >= 500:
        raise ConsoleFailure(f"{response.url} failed: {_detail(response)}; see: penstock status")
    document: dict[str, Any] = response.json()
    if response.status_code >= 400 and "refused" not in document:
        detail = str(document.get("detail", response.status_code))
        raise RequestRefused(str(response.url), str(document.get("code")), detail, document.get("field"))
    return document


@asynccontextmanager
async def open_services(deployment: Deployment) -> AsyncIterator[ServicesClient]:
    """A client of the deployment's services, connected for the length of the block."""
    client = ServicesClient(deployment.url("ingestion"), deployment.url("registry"))
    try:
        yield client
    finally:
        await client.close()
