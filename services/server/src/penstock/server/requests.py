"""Reading a request's body, bounded in size and time."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from penstock.server.problems import Problem

LARGEST_BODY = 16 * 1024 * 1024  # bytes
READ_WITHIN = 30.0  # seconds

_MEDIA_TYPES = {"application/json", "application/cloudevents+json", "application/cloudevents-batch+json"}


async def read_body(request: Request) -> bytes:
    """The body of a request that is to hold JSON.

    Raises:
        Problem: it is of another type, too large, or does not end.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        raise Problem(415, "unsupported_media_type", "expected application/json or application/cloudevents+json")
    try:
        async with asyncio.timeout(READ_WITHIN):
            return await _collect(request)
    except TimeoutError as error:
        raise Problem(408, "slow_body", f"the body did not end within {READ_WITHIN:.0f} seconds") from error
    except ClientDisconnect as error:
        raise Problem(400, "malformed", "the body ended early") from error


async def _collect(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST_BODY:
            raise Problem(413, "too_large", f"expected a body of at most {LARGEST_BODY >> 20} MiB")
    return bytes(content)
