"""An answer's head and body go out together, and nothing is kept for long."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from penstock.runtime.http.single_write import OneWrite


class Recording(OneWrite):
    """Notes what is written to the connection itself."""

    written: list[bytes]

    def connection_made(self, transport: Any) -> None:
        super().connection_made(_Noting(transport, self.written))  # type: ignore[arg-type]


class _Noting:
    def __init__(self, transport: Any, written: list[bytes]) -> None:
        self._transport = transport
        self._written = written

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


async def _asked(path: str, method: str = "GET") -> tuple[httpx.Response, list[bytes]]:
    Recording.written = []
    app = Starlette(routes=[Route("/plain", _plain, methods=["GET", "HEAD"]), Route("/streamed", _streamed)])
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=Recording, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn tells no one)
        await asyncio.sleep(0)
    address = server.servers[0].sockets[0].getsockname()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{address[1]}", trust_env=False) as client:
        answers = [await client.request(method, path), await client.request(method, path)]
    server.should_exit = True
    await serving
    assert answers[0].content == answers[1].content
    return answers[1], Recording.written


async def test_a_small_answer_is_one_write() -> None:
    answer, written = await _asked("/plain")

    assert answer.content == b"body"
    assert len(written) == 2, "one for each of two requests on one connection"


async def test_an_answer_without_a_body_goes_out_too() -> None:
    answer, written = await _asked("/plain", "HEAD")

    assert (answer.status_code, answer.headers["content-length"]) == (200, "4")
    assert len(written) == 2


async def test_a_streamed_answer_comes_whole_and_in_order() -> None:
    answer, _ = await _asked("/streamed")

    assert answer.content == b"onetwothree"
