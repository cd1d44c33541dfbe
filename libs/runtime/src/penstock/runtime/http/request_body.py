"""Reading a request's body, within a bound of bytes and seconds."""

from __future__ import annotations

import asyncio
from typing import Any

from penstock.runtime.http.problems import HANG_UP, Problem
from penstock.runtime.http.raw_routes import RawRequest


def check_framing(request: RawRequest) -> None:
    """Refuse what one server may read as one request and another as two (RFC 9112, section 6.3).

    Raises:
        Problem: the body's length is stated in two ways.
    """
    if b"transfer-encoding" in request.headers and b"content-length" in request.headers:
        raise Problem(400, "malformed", "expected one of Transfer-Encoding and Content-Length", headers=HANG_UP)


async def read_body(request: RawRequest, max_bytes: int, seconds: float) -> bytes:
    """The whole body: at most `max_bytes`, within `seconds`.

    Raises:
        Problem: it is too large, comes too slowly, or its sender went away.
    """
    announced = request.headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    message = await request.receive()  # for its first part the server waits no longer than its own limit
    content = _chunk(message)
    _check_size(content, max_bytes)
    if not message.get("more_body"):  # most bodies come whole
        return content
    try:
        async with asyncio.timeout(seconds):
            return await _receive_rest(request, content, max_bytes)
    except TimeoutError:
        detail = f"expected the whole body within {seconds:g} s"
        raise Problem(408, "too_slow", detail, headers=HANG_UP) from None


async def _receive_rest(request: RawRequest, first: bytes, max_bytes: int) -> bytes:
    chunks = bytearray(first)
    more = True
    while more:
        message = await request.receive()
        chunks += _chunk(message)
        _check_size(chunks, max_bytes)
        more = message.get("more_body", False)
    return bytes(chunks)


def _chunk(message: Any) -> bytes:
    if message["type"] == "http.disconnect":
        raise Problem(400, "malformed", "the body ended early", headers=HANG_UP)
    chunk: bytes = message.get("body", b"")
    return chunk


def _check_size(content: bytes | bytearray, max_bytes: int) -> None:
    if len(content) > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> Problem:
    return Problem(413, "too_large", f"expected a body of at most {max_bytes} bytes", headers=HANG_UP)
