"""The HTTP edge in trouble: bodies that do not end, a broker that is away, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from penstock.bus.errors import BrokerUnavailable
from penstock.telemetry.setup import memory_telemetry

from .conftest import EVENTS, JSON, LIMITS, Edge, event, opened, raw

# --- bodies that do not end well


def chunks(*parts: bytes) -> Iterator[dict[str, Any]]:
    for part in parts:
        yield {"type": "http.request", "body": part, "more_body": True}


async def post_by_hand(edge: Edge, messages: Iterator[dict[str, Any]], headers: dict[str, str] = JSON) -> int:
    """POST over bare ASGI; when `messages` end, the client stays silent."""
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        for message in messages:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": EVENTS, "raw_path": EVENTS.encode(), "query_string": b"", "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("c", 1), "server": ("s", 1),
    }  # fmt: skip
    async with asyncio.timeout(20):
        await edge.app(scope, receive, send)
    return statuses[0]


async def test_h25_reading_stops_where_a_body_is_too_large(edge: Edge) -> None:
    endless = iter(lambda: {"type": "http.request", "body": b"x" * 10_000, "more_body": True}, None)

    assert await post_by_hand(edge, endless) == 413
    assert await post_by_hand(edge, chunks(), JSON | {"content-length": str(64 << 20)}) == 413


async def test_h26_a_body_that_does_not_end_is_given_up() -> None:
    async with opened(replace(LIMITS, body_seconds=0.01)) as edge:
        assert await post_by_hand(edge, chunks(b"{")) == 408


async def test_h27_a_body_that_ends_early_is_dropped(edge: Edge) -> None:
    gone = iter([*chunks(raw("1")[:10]), {"type": "http.disconnect"}])

    assert await post_by_hand(edge, gone) == 400
    assert edge.received() == []


# --- a broker that does not acknowledge


async def test_while_the_broker_is_away_the_outcome_is_unknown(edge: Edge) -> None:
    edge.log.mood = "away"
    response = await edge.post(EVENTS, event())

    assert (response.status_code, response.json()["code"]) == (503, "outcome_unknown")
    assert int(response.headers["retry-after"]) > 0
    assert "safe to send again" in response.json()["detail"]

    edge.log.mood = "well"
    assert (await edge.post(EVENTS, event(amount=2))).status_code == 202  # the first was not accepted: no conflict


async def test_a_broker_that_does_not_acknowledge_is_not_waited_for_for_ever() -> None:
    async with opened(replace(LIMITS, ack_seconds=0.05)) as edge:
        edge.log.mood = "silent"
        under_way, waiting = await edge.post(EVENTS, event("a")), await edge.post(EVENTS, event("b"))
        edge.log.mood = "well"
        edge.log.silence.set_exception(BrokerUnavailable("no answer"))

        assert (under_way.status_code, waiting.status_code) == (503, 503)
        assert (await edge.post(EVENTS, event("c"))).status_code == 202
        assert [whole["id"] for _, whole in edge.received()] == ["c"]  # what was given up unwritten stays unwritten


async def test_what_waits_for_the_broker_is_bounded() -> None:
    async with opened(replace(LIMITS, ack_seconds=0.05, unacknowledged_bytes=300)) as edge:
        edge.log.mood = "silent"
        statuses = [(await edge.post(EVENTS, event(customer="c" * 200))).status_code for _ in range(2)]

        assert statuses == [503, 503]
        assert edge.log.writes == [1]
        edge.log.silence.set_result(None)


async def test_a_record_that_the_log_does_not_take_is_too_large_and_holds_up_no_other(edge: Edge) -> None:
    edge.log.mood = "sparing"

    answers = await asyncio.gather(*(edge.post(EVENTS, event(name)) for name in ("a", "large", "b")))

    assert [answer.status_code for answer in answers] == [202, 413, 202]
    assert answers[1].json()["code"] == "too_large"
    assert sorted(whole["id"] for _, whole in edge.received()) == ["a", "b"]


async def test_until_the_streams_are_read_an_unknown_one_is_worth_another_try() -> None:
    async with opened(caught_up=False) as edge:
        response = await edge.post("/v1/streams/other/events", event())

    assert (response.status_code, response.json()["code"]) == (503, "starting")
    assert "retry-after" in response.headers


async def test_a_bug_is_a_problem_without_a_traceback() -> None:
    def broken() -> int:
        raise ZeroDivisionError("canary")

    async with opened(clock=broken) as edge:
        response = await edge.post(EVENTS, event())

    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "canary" not in response.text


# --- what is seen of it


async def test_a_trace_goes_on_from_the_request_to_the_first_record() -> None:
    telemetry, exporter = memory_telemetry()
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with opened(telemetry=telemetry) as edge:
        await edge.post(EVENTS, [event("a"), event("b")], JSON | {"traceparent": parent})
        places = edge.log.places_of("penstock.loans.received")
        headers = [record.headers for place in places for record in edge.log.held(place)]

    send, request = exporter.get_finished_spans()
    assert [send.name, request.name] == ["send penstock.loans.received", "POST /v1/streams/{stream}/events"]
    assert send.context.trace_id == request.context.trace_id == int(parent[3:35], 16)
    assert send.parent.span_id == request.context.span_id
    (name, value), *_ = headers[0]
    assert (name, value.decode()[36:52], headers[1]) == ("traceparent", f"{send.context.span_id:016x}", ())


async def test_requests_are_counted_by_route_and_status(edge: Edge) -> None:
    await edge.post(EVENTS, event())
    await edge.post(EVENTS, event(amount=-1))
    await edge.post("/elsewhere", event())

    exposition = edge.resources.metrics.exposition()[0].decode()

    for labels in (
        'route="/v1/streams/{stream}/events",status="202"',
        'route="/v1/streams/{stream}/events",status="422"',
        'route="unmatched",status="404"',
    ):
        assert f'penstock_http_requests_total{{method="POST",{labels}}} 1.0' in exposition
