"""Requests to the services, sent again while a service is away or overloaded, as long as that does nothing twice."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Container, Mapping
from typing import Any

import httpx
import msgspec

from penstock.client.errors import Refused, Unavailable

TIMEOUT = httpx.Timeout(60.0, connect=5.0)
DOWNLOAD = httpx.Timeout(600.0, connect=5.0)  # a file is sent once it is whole
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds
LONGEST_WAIT = 60.0  # seconds of a Retry-After that are obeyed
TOO_MANY = 429
_LOOPBACK: Mapping[str, None] = dict.fromkeys(("all://127.0.0.1", "all://localhost"))  # no proxy is for this machine


class Problem(msgspec.Struct):
    """What a service says is wrong with a request (RFC 9457)."""

    code: str = "unknown"
    detail: str = ""
    field: str | None = None


class Requests:
    """Sends requests. One that fails is repeated for `patience` seconds, its body and its headers unchanged."""

    def __init__(self, patience: float, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._patience = patience
        mounts = None if transport else _LOOPBACK
        self._client = httpx.AsyncClient(timeout=TIMEOUT, transport=transport, mounts=mounts)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        waits: httpx.Timeout = TIMEOUT,
        repeated: Container[str] = (),
        accepted: Container[str] = (),
    ) -> bytes:
        """The body of the response.

        Args:
            method: of HTTP.
            url: without a query.
            content: the body.
            headers: of the request.
            query: its parameters.
            waits: how long one attempt may take.
            repeated: codes of problems that pass, so that the request is sent again.
            accepted: codes of problems whose body is an answer.

        Raises:
            Refused: the service refuses the request.
            Unavailable: it failed for as long as was to be waited.
        """
        request = self._client.build_request(
            method, url, content=content, headers=dict(headers or {}), params=query, timeout=waits
        )
        deadline = time.monotonic() + self._patience
        attempt = 0
        while True:
            retry_after = None
            try:
                response = await self._client.send(request)
            except httpx.TransportError as error:
                failure = f"{type(error).__name__} {error}".strip()
            else:
                problem = None if response.is_success else _problem_of(response)
                if problem is None or problem.code in accepted:
                    return response.content
                if not (_fails(response.status_code) or problem.code in repeated):
                    raise Refused(f"{method} {url}", response.status_code, problem.code, problem.detail, problem.field)
                failure = f"{response.status_code} {problem.code}: {problem.detail}"
                retry_after = response.headers.get("retry-after")
            pause = pause_before_retry(attempt, retry_after)
            if time.monotonic() + pause > deadline:
                raise Unavailable(
                    f"{method} {url} failed for {self._patience:g} s, last with {failure}. Whether it was carried out"
                    " is unknown; the same again, under the same ids, is safe. `penstock status` says what is wrong."
                )
            await asyncio.sleep(pause)
            attempt += 1


def pause_before_retry(attempt: int, retry_after: str | None) -> float:
    """Seconds to wait after attempt number `attempt`, from 0: as the service says, else longer each time.

    >>> pause_before_retry(0, "2")
    2.0
    >>> 0.05 <= pause_before_retry(0, None) <= 0.1 and pause_before_retry(99, None) <= 5
    True
    """
    if retry_after is not None and retry_after.isdigit():
        return min(float(retry_after), LONGEST_WAIT)
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 10))
    return float(longest * random.uniform(0.5, 1))


def _fails(status: int) -> bool:
    return status >= 500 or status == TOO_MANY


def _problem_of(response: httpx.Response) -> Problem:
    try:
        return msgspec.json.decode(response.content, type=Problem)
    except msgspec.MsgspecError:
        return Problem("unknown", response.text[:200] or response.reason_phrase)
