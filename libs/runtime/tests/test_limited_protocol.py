"""The limits of the HTTP server: each refusal is a problem with a code, and health is answered all the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from penstock.runtime.http.limited_protocol import LimitedProtocol, Traffic
from penstock.runtime.http.request_limits import RequestLimits

GENEROUS = RequestLimits(head_seconds=60, body_seconds=60, idle_seconds=60)
GET = b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /%b HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
CHUNKED = b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass
class Server:
    """A server under limits; requests to `/hold` are answered once `release` is set."""

    traffic: Traffic
    port: int = 0
    held: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self, request: Request) -> Response:
        await request.body()
        self.held += 1
        await self.release.wait()
        return PlainTextResponse("held")

    async def connect(self, sent: bytes = b"") -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        return Connection(reader, writer)

    async def wait_until(self, condition: Any) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 (several things are waited for)
                await asyncio.sleep(0.001)


@dataclass
class Connection:
    """A connection as a client has it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of the next response; status 0 when the connection was closed without one."""
        async with asyncio.timeout(30):
            try:
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                return 0, {}, b""
            status, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await self.reader.readexactly(int(headers["content-length"]))
        is_problem = headers["content-type"].startswith("application/problem+json")
        return int(status.split()[1]), headers, json.loads(body) if is_problem else body


async def _echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _unread(_: Request) -> Response:
    return PlainTextResponse("ok")


@asynccontextmanager
async def serving(limits: RequestLimits = GENEROUS) -> AsyncIterator[Server]:
    server = Server(Traffic(limits, limits.connections))
    routes = [
        Route("/echo", _echo, methods=["POST"]),
        Route("/hold", server.hold, methods=["GET", "POST"]),
        Route("/healthz", _unread),
    ]
    http: Any = partial(LimitedProtocol, server.traffic)
    config = uvicorn.Config(Starlette(routes=routes), port=0, http=http, log_config=None, lifespan="off")
    process = uvicorn.Server(config)
    task = asyncio.create_task(process.serve())
    while not process.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0)
    server.port = process.servers[0].sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.release.set()
        process.should_exit = process.force_exit = True
        await task


LONG = b"x" * 70_000
REFUSED = {
    "a long header": (GET.replace(b"host", b"a: " + LONG + b"\r\nhost") % b"echo", 431, "head_too_large"),
    "a head without an end": (b"GET / HTTP/1.1\r\na: " + LONG, 431, "head_too_large"),
    "a long path": (GET % LONG, 431, "head_too_large"),
    "a large body": (POST % (b"echo", 101) + b"x" * 101, 413, "too_large"),
    "a large body in chunks": (CHUNKED + (b"32\r\n" + b"x" * 50 + b"\r\n") * 3, 413, "too_large"),
    "more bodies than the server holds": (POST % (b"echo", 90) + b"x" * 90, 503, "overloaded"),
    "no HTTP": (b"\x16\x03\x01 hello\r\n\r\n", 400, "malformed"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_beyond_a_limit_is_refused_with_a_problem(case: str) -> None:
    sent, status, code = REFUSED[case]
    limits = RequestLimits(body_bytes=100, unanswered_body_bytes=80 if status == 503 else 1000)
    async with serving(limits) as server:
        connection = await server.connect(sent)
        answered, headers, problem = await connection.answer()

        assert (answered, problem["status"], problem["code"]) == (status, status, code)
        assert headers["connection"] == "close"
        assert ("retry-after" in headers) == (status == 503)
        assert (await connection.answer())[0] == 0, "closed"
        await server.wait_until(lambda: server.traffic.body_bytes == 0)


@pytest.mark.parametrize(
    ("sent", "code"),
    [(b"GET /ec", "too_slow"), (POST % (b"echo", 10) + b"x", "too_slow"), (GET % b"healthz" + b"GET /ec", "ok")],
)
async def test_half_a_request_does_not_keep_its_connection(sent: bytes, code: str) -> None:
    async with serving(RequestLimits(head_seconds=0.05, body_seconds=0.05, idle_seconds=1)) as server:
        connection = await server.connect(sent)
        status, _, body = await connection.answer()
        if code == "ok":
            assert status == 200
        else:
            assert (status, body["code"]) == (408, code)
        assert await connection.reader.read() is not None
        await server.wait_until(lambda: not server.traffic.waiting)


async def test_a_connection_that_sends_nothing_is_closed() -> None:
    async with serving(RequestLimits(head_seconds=0.05)) as server:
        assert (await (await server.connect()).answer())[0] == 0


async def test_idle_connections_make_room_the_oldest_first() -> None:
    async with serving(RequestLimits(connections=3, head_seconds=60, idle_seconds=60)) as server:
        idle = []
        for sent in (b"", b"GET /ec", GET % b"healthz"):
            idle.append(await server.connect(sent))
            await server.wait_until(lambda: len(server.traffic.waiting) == len(idle))
        await idle[2].answer()
        for number in range(2):
            connection = await server.connect(POST % (b"echo", 3) + b"abc")
            assert (await connection.answer())[2] == b"3"
            assert (await idle[number].answer())[0] == 0, "the oldest was closed"
        idle[2].writer.write(GET % b"healthz")
        assert (await idle[2].answer())[0] == 200, "the youngest was not"


async def test_health_is_answered_when_every_connection_has_a_request_under_way() -> None:
    async with serving(RequestLimits(connections=2)) as server:
        held = [await server.connect(GET % b"hold") for _ in range(2)]
        await server.wait_until(lambda: server.held == 2)

        status, headers, problem = await (await server.connect(POST % (b"echo", 1) + b"x")).answer()
        assert (status, problem["code"], headers["retry-after"]) == (503, "overloaded", "2")
        assert (await (await server.connect(GET % b"healthz")).answer())[0] == 200
        server.release.set()
        assert [(await connection.answer())[0] for connection in held] == [200, 200]


async def test_bodies_count_until_their_response() -> None:
    async with serving(RequestLimits(unanswered_body_bytes=100)) as server:
        first = await server.connect(POST % (b"hold", 60) + b"x" * 60)
        await server.wait_until(lambda: server.held == 1)
        assert (await (await server.connect(POST % (b"echo", 60) + b"x" * 60)).answer())[0] == 503
        assert (await (await server.connect(POST % (b"echo", 40) + b"x" * 40)).answer())[0] == 200
        server.release.set()
        assert (await first.answer())[0] == 200
        assert (await (await server.connect(POST % (b"echo", 60) + b"x" * 60)).answer())[0] == 200


async def test_requests_in_one_write_are_answered_in_order() -> None:
    async with serving() as server:
        connection = await server.connect(b"".join(POST % (b"echo", size) + b"x" * size for size in (3, 0, 5)))
        assert [(await connection.answer())[2] for _ in range(3)] == [b"3", b"0", b"5"]
        assert server.traffic.body_bytes == 0
