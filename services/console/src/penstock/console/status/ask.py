"""A question over HTTP, with a limit to the whole of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

LIMIT_S = 2.0
SILENT = f"does not answer within {LIMIT_S:g} s"


@dataclass(frozen=True)
class Answer:
    """What came back from an address: whether it is well, its document, or in `failure` why nothing came."""

    well: bool = False
    document: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""


async def ask(client: httpx.AsyncClient, address: str) -> Answer:
    """The answer of an address within 2 s."""
    try:
        async with asyncio.timeout(LIMIT_S):
            response = await client.get(address)
    except (TimeoutError, httpx.TimeoutException):
        return Answer(failure=SILENT)
    except httpx.ConnectError:
        return Answer(failure="takes no connections")
    except httpx.HTTPError as error:
        return Answer(failure=f"breaks off its answer ({type(error).__name__})")
    return Answer(response.status_code == httpx.codes.OK, _document(response))


def _document(response: httpx.Response) -> Mapping[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
