"""A supervisor's answer to how its processes are: JSON over HTTP, from memory, so that a full disk does not hide it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

ASK_LIMIT_S = 2.0
_HEAD = b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


async def serve_status(document: Callable[[], str], host: str, port: int = 0) -> asyncio.Server:
    """Answer every request on `port` (0: one that the system chooses) with the JSON that `document` returns.

    Raises:
        OSError: the port is taken.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(ASK_LIMIT_S):
                await reader.readuntil(b"\r\n\r\n")
                body = document().encode()
                writer.write(_HEAD % len(body) + body)
                await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, host, port)


def port_of(server: asyncio.Server) -> int:
    """The port that a server listens on."""
    return int(server.sockets[0].getsockname()[1])
