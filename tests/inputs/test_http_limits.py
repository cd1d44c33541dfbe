"""Bad events over HTTP that exhaust a server: slow or endless ones, and those with a head that is too large."""

from __future__ import annotations

from services.ingestion.tests.conftest import EVENTS, event

from .http_server import HEAD, open_server, request


async def test_h26_a_body_or_head_that_never_ends_is_given_up() -> None:
    async with open_server(body_seconds=0.3) as server:
        endless = await server.exchange(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
        assert endless.startswith(b"HTTP/1.1 408 ")
        assert b'"too_slow"' in endless
        half_a_head = await server.exchange(HEAD)
        assert not half_a_head or half_a_head.startswith(b"HTTP/1.1 408 ")
        assert await server.accepts_good()


async def test_h35_10_000_fields_or_a_head_of_a_megabyte_are_refused() -> None:
    async with open_server() as server:
        many = event(**{f"f{number}": number for number in range(10_000)})
        answer = await server.ingestion.post(EVENTS, many)
        assert (answer.status_code, answer.json()["code"]) in ((422, "extra_field"), (413, "too_large"))
        large_head = await server.exchange(request(b"{}", b"X-Large: " + b"x" * 1_000_000 + b"\r\n"))
        assert large_head.startswith(b"HTTP/1.1 431 ")
        assert await server.accepts_good()
