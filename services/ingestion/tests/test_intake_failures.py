"""Failures of the intake over HTTP: bodies that do not end, a broker that is away, bugs; and what is observed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from penstock.bus.errors import BrokerUnavailable
from penstock.telemetry.setup import memory_telemetry

from .conftest import EVENTS, JSON, LIMITS, Ingestion, event, open_ingestion, raw

# --- bodies that do not end well


def chunks(*parts: bytes) -> Iterator[dict[str, Any]]:
    for part in parts:
        yield {"type": "http.request", "body": part, "more_body": True}


async def post_over_asgi(
    ingestion: Ingestion, messages: Iterator[dict[str, Any]], headers: dict[str, str] = JSON
) -> int:
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
        await ingestion.app(scope, receive, send)
    return statuses[0]


async def test_h25_reading_stops_where_a_body_is_too_large(ingestion: Ingestion) -> None:
    endless = iter(lambda: {"type": "http.request", "body": b"x" * 10_000, "more_body": True}, None)

    assert await post_over_asgi(ingestion, endless) == 413
    assert await post_over_asgi(ingestion, chunks(), JSON | {"content-length": str(64 << 20)}) == 413


async def test_h26_a_body_that_does_not_end_is_given_up() -> None:
    async with open_ingestion(replace(LIMITS, body_seconds=0.01)) as ingestion:
        assert await post_over_asgi(ingestion, chunks(b"{")) == 408


async def test_h27_a_body_that_ends_early_is_dropped(ingestion: Ingestion) -> None:
    messages = iter([*chunks(raw("1")[:10]), {"type": "http.disconnect"}])

    assert await post_over_asgi(ingestion, messages) == 400
    assert ingestion.received() == []


# --- a broker that does not acknowledge


async def test_while_the_broker_is_away_the_outcome_is_unknown(ingestion: Ingestion) -> None:
    ingestion.log.fault = "away"
    response = await ingestion.post(EVENTS, event())

    assert (response.status_code, response.json()["code"]) == (503, "outcome_unknown")
    assert int(response.headers["retry-after"]) > 0
    assert "safe to send again" in response.json()["detail"]

    ingestion.log.fault = "none"
    assert (await ingestion.post(EVENTS, event(amount=2))).status_code == 202  # the first was not accepted: no conflict


async def test_a_broker_that_does_not_acknowledge_is_not_waited_for_forever() -> None:
    async with open_ingestion(replace(LIMITS, ack_seconds=0.05)) as ingestion:
        ingestion.log.fault = "silent"
        first, second = await ingestion.post(EVENTS, event("a")), await ingestion.post(EVENTS, event("b"))
        ingestion.log.fault = "none"
        ingestion.log.confirmation.set_exception(BrokerUnavailable("no answer"))

        assert (first.status_code, second.status_code) == (503, 503)
        assert (await ingestion.post(EVENTS, event("c"))).status_code == 202
        assert [record["id"] for _, record in ingestion.received()] == [
            "c"
        ]  # what was given up unwritten stays unwritten


async def test_what_waits_for_the_broker_is_bounded() -> None:
    async with open_ingestion(replace(LIMITS, ack_seconds=0.05, unacknowledged_bytes=300)) as ingestion:
        ingestion.log.fault = "silent"
        statuses = [(await ingestion.post(EVENTS, event(customer="c" * 200))).status_code for _ in range(2)]

        assert statuses == [503, 503]
        assert ingestion.log.writes == [1]
        ingestion.log.confirmation.set_result(None)


async def test_a_record_that_the_log_does_not_take_is_too_large_and_does_not_hold_up_the_others(
    ingestion: Ingestion,
) -> None:
    ingestion.log.fault = "too large"

    answers = await asyncio.gather(*(ingestion.post(EVENTS, event(name)) for name in ("a", "large", "b")))

    assert [answer.status_code for answer in answers] == [202, 413, 202]
    assert answers[1].json()["code"] == "too_large"
    assert sorted(record["id"] for _, record in ingestion.received()) == ["a", "b"]


async def test_until_the_streams_are_read_an_unknown_one_is_worth_another_try() -> None:
    async with open_ingestion(caught_up=False) as ingestion:
        response = await ingestion.post("/v1/streams/other/events", event())

    assert (response.status_code, response.json()["code"]) == (503, "starting")
    assert "retry-after" in response.headers


async def test_a_bug_is_a_problem_without_a_traceback() -> None:
    def broken() -> int:
        raise ZeroDivisionError("canary")

    async with open_ingestion(clock=broken) as ingestion:
        response = await ingestion.post(EVENTS, event())

    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "canary" not in response.text


# --- what is observed


async def test_a_trace_goes_on_from_the_request_to_the_first_record() -> None:
    telemetry, exporter = memory_telemetry()
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with open_ingestion(telemetry=telemetry) as ingestion:
        await ingestion.post(EVENTS, [event("a"), event("b")], JSON | {"traceparent": parent})
        partitions = ingestion.log.partitions_of("penstock.loans.received")
        headers = [record.headers for key in partitions for record in ingestion.log.records_of(key)]

    send, request = exporter.get_finished_spans()
    assert [send.name, request.name] == ["send penstock.loans.received", "POST /v1/streams/{stream}/events"]
    assert send.context.trace_id == request.context.trace_id == int(parent[3:35], 16)
    assert send.parent.span_id == request.context.span_id
    (name, value), *_ = headers[0]
    assert (name, value.decode()[36:52], headers[1]) == ("traceparent", f"{send.context.span_id:016x}", ())


async def test_requests_are_counted_by_route_and_status(ingestion: Ingestion) -> None:
    await ingestion.post(EVENTS, event())
    await ingestion.post(EVENTS, event(amount=-1))
    await ingestion.post("/elsewhere", event())

    exposition = ingestion.resources.metrics.exposition()[0].decode()

    for labels in (
        'route="/v1/streams/{stream}/events",status="202"',
        'route="/v1/streams/{stream}/events",status="422"',
        'route="unmatched",status="404"',
    ):
        assert f'penstock_http_requests_total{{method="POST",{labels}}} 1.0' in exposition
