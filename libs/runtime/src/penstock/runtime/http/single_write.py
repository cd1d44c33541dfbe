"""Head and body of a response in one write: a second system call costs as much as the rest of a small request."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class SingleWriteProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, on a transport that holds a head back until its body comes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection."""
        super().connection_made(_PairingTransport(transport, self.loop))  # type: ignore[arg-type]


class _PairingTransport:
    """Writes the first of two writes of one turn of the event loop together with the second, or else alone."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._buffer = b""

    def write(self, data: bytes) -> None:
        if self._buffer:
            head, self._buffer = self._buffer, b""
            self._transport.write(head + data)
        else:
            self._buffer = data
            self._loop.call_soon(self._flush)

    def write_eof(self) -> None:
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._buffer:
            head, self._buffer = self._buffer, b""
            self._transport.write(head)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
