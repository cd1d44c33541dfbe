"""A response's head and body are one write, and nothing is held back for long."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from penstock.runtime.http.single_write import SingleWriteProtocol


class RecordingProtocol(SingleWriteProtocol):
    """Records what is written to the connection itself."""

    writes: list[bytes]

    def connection_made(self, transport: Any) -> None:
        super().connection_made(_RecordingTransport(transport, self.writes))  # type: ignore[arg-type]


class _RecordingTransport:
    def __init__(self, transport: Any, writes: list[bytes]) -> None:
        self._transport = transport
        self._written = writes

    def write(self, data: bytes) -> None:
        self._written.append(bytes(data))
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def _plain(_: Any) -> Response:
    return Response(b"body")


async def _streamed(_: Any) -> Response:
    async def parts() -> Any:
        for part in (b"one", b"two", b"three"):
            yield part
            await asyncio.sleep(0)

    return StreamingResponse(parts())


async def _request_twice(path: str, method: str = "GET") -> tuple[httpx.Response, list[bytes]]:
    RecordingProtocol.writes = []
    app = Starlette(routes=[Route("/plain", _plain, methods=["GET", "HEAD"]), Route("/streamed", _streamed)])
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=RecordingProtocol, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0)
    address = server.servers[0].sockets[0].getsockname()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{address[1]}", trust_env=False) as client:
        answers = [await client.request(method, path), await client.request(method, path)]
    server.should_exit = True
    await serving
    assert answers[0].content == answers[1].content
    return answers[1], RecordingProtocol.writes


async def test_a_small_answer_is_one_write() -> None:
    answer, writes = await _request_twice("/plain")

    assert answer.content == b"body"
    assert len(writes) == 2, "one for each of two requests on one connection"


async def test_an_answer_without_a_body_goes_out_too() -> None:
    answer, writes = await _request_twice("/plain", "HEAD")

    assert (answer.status_code, answer.headers["content-length"]) == (200, "4")
    assert len(writes) == 2


async def test_a_streamed_answer_comes_whole_and_in_order() -> None:
    answer, _ = await _request_twice("/streamed")

    assert answer.content == b"onetwothree"
