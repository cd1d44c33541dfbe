"""Reading a request's body, no further and no longer than the limits say."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from penstock.ingestion.bodies import Form, form_of
from penstock.ingestion.limits import Limits
from penstock.runtime.problems import HANG_UP, Problem


def form_of_request(request: Request) -> Form:
    """What the request says its body holds.

    Raises:
        Problem: it is nothing that we read, or its framing is ambiguous.
    """
    headers = request.headers
    if "transfer-encoding" in headers and "content-length" in headers:  # RFC 9112, section 6.3: may be smuggled
        raise Problem(400, "malformed", "expected one of Transfer-Encoding and Content-Length", headers=HANG_UP)
    form = form_of(headers.get("content-type", ""))
    if form is None or headers.get("content-encoding", "identity") != "identity":
        detail = (
            "expected uncompressed application/json, application/cloudevents+json, its batch, or application/x-ndjson"
        )
        raise Problem(415, "unsupported_media_type", detail, headers=HANG_UP)
    return form


async def read_body(request: Request, limits: Limits) -> bytes:
    """The whole body.

    Raises:
        Problem: it is too large, comes too slowly, or its sender went away.
    """
    try:
        async with asyncio.timeout(limits.body_seconds):
            return await _read_within(request, limits.body_bytes)
    except TimeoutError:
        detail = f"expected the whole body within {limits.body_seconds:g} s"
        raise Problem(408, "too_slow", detail, headers=HANG_UP) from None
    except ClientDisconnect:
        raise Problem(400, "malformed", "the body ended early", headers=HANG_UP) from None


async def _read_within(request: Request, most: int) -> bytes:
    too_large = Problem(413, "too_large", f"expected a body of at most {most} bytes", headers=HANG_UP)
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > most:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise too_large
        parts.append(part)
    return b"".join(parts)
