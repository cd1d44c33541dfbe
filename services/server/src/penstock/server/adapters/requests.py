"""Reading a request's body, bounded in size and time."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from penstock.runtime.problems import HANG_UP, Problem

LARGEST_BODY = 16 << 20  # bytes
READ_WITHIN = 30.0  # seconds

_MEDIA_TYPES = {"application/json", "application/cloudevents+json", "application/cloudevents-batch+json"}
_CHARSETS = {"", "charset=utf-8", "charset=utf8"}


async def read_body(request: Request) -> bytes:
    """The body of a request that is to hold JSON.

    Raises:
        Problem: it is of another type, framed ambiguously, too large, or does not end.
    """
    _check_framing(request)
    try:
        async with asyncio.timeout(READ_WITHIN):
            return await _collect(request)
    except TimeoutError:
        detail = f"expected the whole body within {READ_WITHIN:g} s"
        raise Problem(408, "too_slow", detail, headers=HANG_UP) from None
    except ClientDisconnect:
        raise Problem(400, "malformed", "the body ended early", headers=HANG_UP) from None


def _check_framing(request: Request) -> None:
    headers = request.headers
    if "transfer-encoding" in headers and "content-length" in headers:  # RFC 9112, section 6.3: may be smuggled
        raise Problem(400, "malformed", "expected one of Transfer-Encoding and Content-Length", headers=HANG_UP)
    media_type, _, charset = headers.get("content-type", "").lower().replace(" ", "").replace('"', "").partition(";")
    if (
        media_type not in _MEDIA_TYPES
        or charset not in _CHARSETS
        or headers.get("content-encoding", "identity") != "identity"
    ):
        detail = "expected uncompressed application/json, application/cloudevents+json or its batch, in UTF-8"
        raise Problem(415, "unsupported_media_type", detail, headers=HANG_UP)


async def _collect(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST_BODY:
            raise Problem(413, "too_large", f"expected a body of at most {LARGEST_BODY >> 20} MiB", headers=HANG_UP)
    return bytes(content)
