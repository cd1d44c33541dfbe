"""Bad events over HTTP that only a socket shows: sizes, framing and pipelines, at the server that services run on."""

from __future__ import annotations

from services.ingestion.tests.conftest import LIMITS

from .http_server import GOOD, HEAD, open_server, request

CHUNK = LIMITS.body_bytes // 2 + 1
CHUNKED = b"Transfer-Encoding: chunked\r\n"


async def test_h25_a_body_of_64_mib_is_refused_while_it_comes() -> None:
    async with open_server() as server:
        announced = await server.exchange(HEAD + b"Content-Length: %d\r\n\r\n" % (64 << 20))
        assert announced.startswith(b"HTTP/1.1 413 ")
        chunk = b"%x\r\n" % CHUNK + b" " * CHUNK + b"\r\n"
        streamed = await server.exchange(HEAD + CHUNKED + b"\r\n", chunk, chunk)
        assert streamed.startswith(b"HTTP/1.1 413 ")
        assert b'"too_large"' in streamed
        assert await server.accepts_good()


async def test_h27_a_length_that_lies_is_refused_and_never_half_read() -> None:
    async with open_server(body_seconds=0.3) as server:
        too_long = await server.exchange(HEAD + b"Content-Length: 9999\r\n\r\n" + GOOD)
        assert too_long.startswith(b"HTTP/1.1 408 ")
        for length in (b"-1", b"1e3", b"5, 6", b"0x20", b"99999999999999999999999"):
            answer = await server.exchange(
                HEAD + b"Connection: close\r\nContent-Length: " + length + b"\r\n\r\n" + GOOD
            )
            assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), (length, answer)
        too_short = await server.exchange(HEAD + b"Content-Length: 5\r\n\r\n" + GOOD)
        assert too_short.startswith(b"HTTP/1.1 400 ")
        assert server.ingestion.received() == []
        assert await server.accepts_good()


async def test_h38_a_request_within_a_request_is_not_smuggled() -> None:
    async with open_server() as server:
        hidden = request(GOOD.replace(b"good", b"hidden"), b"Connection: close\r\n")
        length = b"Content-Length: %d\r\n" % len(b"0\r\n\r\n" + hidden)
        for headers in (CHUNKED + length, length + CHUNKED, CHUNKED.replace(b"chunked", b"xchunked") + length):
            answer = await server.exchange(HEAD + headers + b"\r\n0\r\n\r\n" + hidden)
            assert answer.startswith(b"HTTP/1.1 400 "), answer
            assert answer.count(b"HTTP/1.1 ") == 1
        assert server.ingestion.received() == []
        pipelined = await server.exchange(request(GOOD) + request(GOOD, b"Connection: close\r\n"))
        assert pipelined.count(b"HTTP/1.1 202 ") == 2
