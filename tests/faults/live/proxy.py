"""A TCP proxy that has faults: what a network may do to the requests and to the answers that pass it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Literal

Direction = Literal["requests", "answers", "both"]
Kind = Literal["cut", "blackhole", "reset", "latency", "slow", "slicing", "cut-mid-frame"]

CHUNK = 1 << 16  # bytes
LATENCY_S, JITTER_S = 2.0, 0.5
SLOW_BYTES, SLOW_EVERY_S = 1024, 1.0
SLICE = 7  # bytes
RESET_EVERY_S = 1.0
QUEUE = 64  # chunks that are under way
_RESET = struct.pack("ii", 1, 0)  # linger for no time: a close is a reset


@dataclass(frozen=True)
class NetworkFault:
    """What befalls connections: cut and not made anew, swallowed, reset, late, slow, in slices, cut within a chunk."""

    kind: Kind
    direction: Direction = "both"

    def is_on(self, direction: Direction) -> bool:
        """Whether it befalls this direction."""
        return self.direction in (direction, "both")


class FaultProxy:
    """Takes connections on a port of the loopback address, and passes them on to another."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._fault: NetworkFault | None = None
        self._connections: set[_Connection] = set()
        self._listener: asyncio.Server | None = None
        self._resetting: asyncio.Task[None] | None = None

    async def start(self, port: int = 0) -> int:
        """Listen; the port."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", port)
        listening: int = self._listener.sockets[0].getsockname()[1]
        return listening

    async def set_fault(self, fault: NetworkFault | None) -> None:
        """Have this fault from now on, or none."""
        self._fault = fault
        if self._resetting is not None:
            self._resetting.cancel()
            self._resetting = None
        for connection in list(self._connections):
            if connection.is_broken or (fault is not None and fault.kind == "cut"):
                connection.close()
        if fault is not None and fault.kind == "reset":
            self._resetting = asyncio.create_task(self._reset_again())

    async def close(self) -> None:
        """Listen no more, and close all connections."""
        await self.set_fault(None)
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.close()

    async def _reset_again(self) -> None:
        while True:
            for connection in list(self._connections):
                connection.reset()
            await asyncio.sleep(RESET_EVERY_S)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fault is not None and self._fault.kind == "cut":
            writer.close()
            return
        try:
            server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        connection = _Connection((reader, writer), server, lambda: self._fault)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Connection:
    """Two pumps. `is_broken`: bytes were swallowed, so that nothing that comes later would be understood."""

    def __init__(self, client: Ends, server: Ends, fault: Callable[[], NetworkFault | None]) -> None:
        self._client = client
        self._server = server
        self._fault = fault
        self._chance = Random(0)
        self.is_broken = False

    async def run(self) -> None:
        """Pass bytes on in both directions until one end closes."""
        pumps = {
            asyncio.create_task(self._pump(self._client[0], self._server[1], "requests")),
            asyncio.create_task(self._pump(self._server[0], self._client[1], "answers")),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.close()

    def close(self) -> None:
        """Close both ends."""
        for _, writer in (self._client, self._server):
            with suppress(OSError, RuntimeError):
                writer.close()

    def reset(self) -> None:
        """End both connections by a reset."""
        for _, writer in (self._client, self._server):
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(QUEUE)
        reading = asyncio.create_task(self._read(reader, under_way, direction))
        try:
            while True:
                due, chunk = await under_way.get()
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                if not chunk or not await self._write(writer, chunk, direction):
                    return
        except OSError:
            return
        finally:
            reading.cancel()

    async def _read(
        self, reader: asyncio.StreamReader, under_way: asyncio.Queue[tuple[float, bytes]], direction: Direction
    ) -> None:
        chunk = b"-"
        while chunk:
            try:
                chunk = await reader.read(CHUNK)
            except OSError:
                chunk = b""
            is_late = self._kind(direction) == "latency"
            delay = LATENCY_S + self._chance.uniform(-JITTER_S, JITTER_S) if is_late else 0.0
            await under_way.put((asyncio.get_running_loop().time() + delay, chunk))

    def _kind(self, direction: Direction) -> str:
        fault = self._fault()
        return fault.kind if fault is not None and fault.is_on(direction) else ""

    async def _write(self, writer: asyncio.StreamWriter, chunk: bytes, direction: Direction) -> bool:
        """Pass a chunk on; whether the connection goes on."""
        kind = self._kind(direction)
        if kind == "blackhole":
            self.is_broken = True
            return True
        if kind == "cut-mid-frame":
            writer.write(chunk[: len(chunk) // 2])
            await writer.drain()
            return False
        size, pause = {"slow": (SLOW_BYTES, SLOW_EVERY_S), "slicing": (SLICE, 0.0)}.get(kind, (len(chunk), 0.0))
        for at in range(0, len(chunk), size):
            writer.write(chunk[at : at + size])
            await writer.drain()
            if pause and self._kind(direction) == kind:
                await asyncio.sleep(pause)
        return True
