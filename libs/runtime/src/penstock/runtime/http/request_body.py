"""Reading a request's body, no further and no longer than it may take."""

from __future__ import annotations

import asyncio
from typing import Any

from penstock.runtime.http.problems import HANG_UP, Problem
from penstock.runtime.http.raw_routes import RawRequest


def check_framing(asked: RawRequest) -> None:
    """Refuse what one server may read as one request and another as two (RFC 9112, section 6.3).

    Raises:
        Problem: the body's length is told in two ways.
    """
    if b"transfer-encoding" in asked.headers and b"content-length" in asked.headers:
        raise Problem(400, "malformed", "expected one of Transfer-Encoding and Content-Length", headers=HANG_UP)


async def read_body(asked: RawRequest, most: int, seconds: float) -> bytes:
    """The whole body: at most `most` bytes, within `seconds`.

    Raises:
        Problem: it is too large, comes too slowly, or its sender went away.
    """
    announced = asked.headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(seconds):
            return await _collected(asked, most)
    except TimeoutError:
        detail = f"expected the whole body within {seconds:g} s"
        raise Problem(408, "too_slow", detail, headers=HANG_UP) from None


async def _collected(asked: RawRequest, most: int) -> bytes:
    message = await asked.receive()
    if message["type"] == "http.request" and not message.get("more_body"):  # it came whole, as most do
        return _within(message.get("body", b""), most)
    content = bytearray()
    while True:
        content += _within(_part(message), most - len(content), most)
        if not message.get("more_body"):
            return bytes(content)
        message = await asked.receive()


def _part(message: Any) -> bytes:
    if message["type"] == "http.disconnect":
        raise Problem(400, "malformed", "the body ended early", headers=HANG_UP)
    part: bytes = message.get("body", b"")
    return part


def _within(part: bytes, room: int, most: int | None = None) -> bytes:
    if len(part) > room:
        raise _too_large(room if most is None else most)
    return part


def _too_large(most: int) -> Problem:
    return Problem(413, "too_large", f"expected a body of at most {most} bytes", headers=HANG_UP)
