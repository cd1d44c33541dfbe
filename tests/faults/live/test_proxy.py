"""The proxy does to connections what its faults say, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.faults.live import proxy
from tests.faults.live.proxy import FaultProxy, NetworkFault

MESSAGE = bytes(range(256)) * 40


class Echo:
    """A server that answers what it is sent; `received` is all that came."""

    def __init__(self) -> None:
        self.received = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Echo until the other end closes."""
        while chunk := await reader.read(1 << 16):
            self.received += chunk
            writer.write(chunk)
        writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, FaultProxy, int]]:
    """A server behind a proxy, and the proxy's port."""
    server = Echo()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    fault_proxy = FaultProxy(listening.sockets[0].getsockname()[1])
    yield server, fault_proxy, await fault_proxy.start()
    await fault_proxy.close()
    listening.close()


async def _exchange(port: int, message: bytes = MESSAGE) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(message)
    try:
        return await reader.readexactly(len(message))
    finally:
        writer.close()


@pytest.mark.parametrize("kind", ["", "slicing"])
async def test_every_byte_arrives_in_order(echo: tuple[Echo, FaultProxy, int], kind: str) -> None:
    _, fault_proxy, port = echo
    await fault_proxy.set_fault(NetworkFault("slicing") if kind else None)
    assert await _exchange(port) == MESSAGE


async def test_late_and_slow_bytes_arrive_in_order(
    echo: tuple[Echo, FaultProxy, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "LATENCY_S", 0.01)
    monkeypatch.setattr(proxy, "JITTER_S", 0.01)
    monkeypatch.setattr(proxy, "SLOW_EVERY_S", 0.001)
    _, fault_proxy, port = echo
    await fault_proxy.set_fault(NetworkFault("latency"))
    assert await _exchange(port) == MESSAGE
    await fault_proxy.set_fault(NetworkFault("slow", "answers"))
    assert await _exchange(port) == MESSAGE


async def test_a_blackhole_of_answers_lets_requests_through_and_ends_the_connection_when_it_heals(
    echo: tuple[Echo, FaultProxy, int],
) -> None:
    server, fault_proxy, port = echo
    await fault_proxy.set_fault(NetworkFault("blackhole", "answers"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(MESSAGE)
    while server.received != MESSAGE or not any(each.is_broken for each in fault_proxy._connections):  # noqa: ASYNC110
        await asyncio.sleep(0)
    await fault_proxy.set_fault(None)
    assert await reader.read() == b""
    assert await _exchange(port) == MESSAGE


async def test_a_cut_link_takes_no_connections_until_it_heals(echo: tuple[Echo, FaultProxy, int]) -> None:
    _, fault_proxy, port = echo
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x")
    assert await reader.read(1) == b"x"
    await fault_proxy.set_fault(NetworkFault("cut"))
    assert await reader.read() == b""
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await _exchange(port)
    await fault_proxy.set_fault(None)
    assert await _exchange(port) == MESSAGE


async def test_a_reset_link_ends_connections_by_an_error(echo: tuple[Echo, FaultProxy, int]) -> None:
    _, fault_proxy, port = echo
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x")
    assert await reader.read(1) == b"x"
    await fault_proxy.set_fault(NetworkFault("reset"))
    with pytest.raises(ConnectionResetError):
        await reader.read()


async def test_a_frame_is_cut_in_its_middle(echo: tuple[Echo, FaultProxy, int]) -> None:
    _, fault_proxy, port = echo
    await fault_proxy.set_fault(NetworkFault("cut-mid-frame", "answers"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(MESSAGE[:100])
    assert await reader.read() == MESSAGE[:50]
