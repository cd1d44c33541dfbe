"""Ingestion behind the HTTP server that services run on, for rows that only a socket shows."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from penstock.runtime.http.request_limits import RequestLimits
from penstock.runtime.runner import _serve
from services.ingestion.tests.conftest import EVENTS, LIMITS, Ingestion, open_ingestion

HEAD = f"POST {EVENTS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
GOOD = b'{"id": "good", "data": {"customer": "c1", "amount": 1}}'


class HttpServer:
    """A server on a port, and the ingestion behind it."""

    def __init__(self, port: int, ingestion: Ingestion) -> None:
        self.port = port
        self.ingestion = ingestion

    async def exchange(self, *parts: bytes) -> bytes:
        """Send bytes over a new connection; all that comes back until the server closes it.

        What the server does not want any more may fail to be sent.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            pass
        try:
            async with asyncio.timeout(60):
                return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def accepts_good(self) -> bool:
        """Whether a good event that is sent now is accepted."""
        answer = await self.exchange(request(GOOD, b"Connection: close\r\n"))
        return answer.startswith(b"HTTP/1.1 202 ")


def request(body: bytes, *headers: bytes) -> bytes:
    """A whole request."""
    return HEAD + b"".join(headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


@asynccontextmanager
async def open_server(body_seconds: float = 5.0) -> AsyncIterator[HttpServer]:
    """The server, stopped at the end."""
    limits = RequestLimits(head_seconds=body_seconds, body_seconds=body_seconds)
    listener, stop = socket.create_server(("127.0.0.1", 0)), asyncio.Event()
    async with open_ingestion(replace(LIMITS, body_seconds=body_seconds)) as ingestion:
        serving = asyncio.create_task(_serve(ingestion.app, listener, stop, limits))
        try:
            yield HttpServer(listener.getsockname()[1], ingestion)
        finally:
            stop.set()
            await serving
