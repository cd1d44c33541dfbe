"""Bad events over HTTP: the status and code of each row, and a good event beside it that gets through."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from services.ingestion.tests.conftest import (
    EVENTS,
    JSON,
    LABELS,
    LIMITS,
    NDJSON,
    Ingestion,
    cloud_event,
    event,
    open_ingestion,
    raw,
)

from .rows import rows

CANARY = "kanarienvogel"
DEEP = b"[" * 50_000 + b"]" * 50_000
TOO_MANY = LIMITS.batch_records + 1
FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Bad:
    """A request that is refused with this status and code."""

    status: int
    code: str
    body: Any
    headers: dict[str, str] | None = None
    path: str = EVENTS
    method: str = "POST"


def amount(text: str, status: int = 422, code: str = "not_finite") -> Bad:
    """An event with this text as its amount."""
    return Bad(status, code, raw(text))


def malformed(body: bytes) -> Bad:
    """A body that cannot be parsed."""
    return Bad(400, "malformed", body)


def at(time: str, code: str = "bad_time") -> Bad:
    """An event with this time."""
    return Bad(422, code, cloud_event(time=time))


def named(event_id: Any, code: str = "bad_id") -> Bad:
    """An event with this id."""
    return Bad(422, code, event(event_id))


def unsupported(headers: dict[str, str]) -> Bad:
    """An event under these headers."""
    return Bad(415, "unsupported_media_type", raw("1"), headers)


def elsewhere(path: str, status: int, code: str, method: str = "POST") -> Bad:
    """An event sent to another place or by another method."""
    return Bad(status, code, raw("1"), JSON | {"x-http-method-override": "POST"}, path, method)


REFUSED = {
    "H1 NaN": [amount("NaN"), amount("-NaN", 400, "malformed")],
    "H2 infinities": [amount("Infinity"), amount("-Infinity")],
    "H3 1e400": [amount("1e400"), amount("-1e400")],
    "H4 lone surrogate": [amount('"\\ud800"', 422, "bad_text"), amount('"\\udfff a"', 422, "bad_text")],
    "H6 duplicate key": [
        amount('1, "amount": 2', 400, "duplicate_key"),
        amount('1, "\\u0061mount": 2', 400, "duplicate_key"),
        Bad(400, "duplicate_key", b'{"id": "b", ' + raw("1")[1:]),
    ],
    "H7 nested 100,000 deep": [malformed(DEEP), amount(DEEP.decode()[10_000:-10_000], 400, "malformed")],
    "H8 5,000-digit int": [amount("1" * 5000)],
    "H9 bool as number": [amount("true", code="wrong_type"), Bad(422, "wrong_type", event(terms=False))],
    "H10 text as number": [amount('"1.5"', code="wrong_type")],
    "H12 extra field": [
        Bad(422, "extra_field", event(colour=CANARY)),
        Bad(422, "extra_field", {**event(), "tiem": CANARY}),
    ],
    "H14 invalid UTF-8": [malformed(raw('"?"').replace(b"?", b"\xff"))],
    "H15 UTF-16": [malformed(raw("1").decode().encode(code)) for code in ("utf-16", "utf-16-le", "utf-16-be")],
    "H16 BOM": [malformed(b"\xef\xbb\xbf" + raw("1"))],
    "H17 empty body": [malformed(b""), Bad(400, "malformed", b"\n \n", NDJSON)],
    "H18 null": [Bad(422, "wrong_type", b"null"), Bad(422, "wrong_type", {"id": "a", "data": None})],
    "H20 trailing comma": [malformed(raw("1,")), malformed(b"[" + raw("1") + b",]")],
    "H21 two documents": [malformed(raw("1") * 2), malformed(raw("1") + b"\n" + raw("2"))],
    "H22 empty id": [named(""), named("i" * 513), named(5), Bad(422, "missing_field", {"data": event()["data"]})],
    "H24 traversal as id": [named("../../etc/passwd"), named("a/../../b"), named("a\nb")],
    "H28 content type": [
        unsupported({}),
        unsupported({"content-type": "text/plain"}),
        unsupported(FORM),
        unsupported({"content-type": "application/json; charset=utf-16"}),
        unsupported(JSON | {"content-encoding": "gzip"}),
    ],
    "H34 unknown schema version": [
        Bad(422, "unknown_schema_version", cloud_event(type="penstock.event.v9")),
        Bad(422, "unknown_schema_version", cloud_event(specversion="0.3")),
        Bad(422, "unknown_schema_version", cloud_event(), path=LABELS),
    ],
    "H40 the text NaN": [amount(f'"{text}"', code="wrong_type") for text in ("NaN", "nan", "inf")],
}


async def refuse(edge: Ingestion, bad: Bad) -> dict[str, Any]:
    """Send a request that is refused as it says, nothing of it repeated or logged; the problem."""
    before = len(edge.received())
    content = bad.body if isinstance(bad.body, bytes) else json.dumps(bad.body).encode()
    headers = JSON if bad.headers is None else bad.headers
    answer = await edge.client.request(bad.method, bad.path, content=content, headers=headers)
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (bad.status, bad.code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "code", "field", "detail"} <= set(problem)
    assert CANARY not in answer.text
    assert "Traceback" not in answer.text
    assert len(answer.content) < 5_000
    assert len(edge.received()) == before
    return problem


async def accept(edge: Ingestion, body: Any) -> None:
    """Send an event that is accepted, and logged."""
    before = len(edge.received())
    assert (await edge.post(EVENTS, body)).status_code == 202
    assert len(edge.received()) == before + 1


@rows(REFUSED)
async def test_a_bad_event_is_refused_and_the_good_one_behind_it_accepted(row: list[Bad]) -> None:
    async with open_ingestion() as edge:
        for bad in row:
            await refuse(edge, bad)
        await accept(edge, event("good"))


async def test_h11_a_whole_float_is_an_int_and_a_fraction_is_not() -> None:
    async with open_ingestion() as edge:
        await accept(edge, event("a", terms=1.0))
        await refuse(edge, Bad(422, "wrong_type", event("b", terms=1.5)))


async def test_h30_a_batch_is_answered_for_each_record_and_bounded() -> None:
    async with open_ingestion() as edge:
        await refuse(edge, Bad(422, "out_of_range", []))
        await refuse(edge, Bad(422, "out_of_range", [1] * TOO_MANY))
        await refuse(edge, Bad(422, "out_of_range", b"1\n" * TOO_MANY, NDJSON))
        mixed = await edge.post(EVENTS, [event("a"), event("b", amount=True), event("c")])
        assert (mixed.status_code, mixed.json()["accepted"]) == (202, 2)
        assert [(item["index"], item["code"]) for item in mixed.json()["refused"]] == [(1, "wrong_type")]
        assert len(edge.received()) == 2


async def test_h31_times_without_a_zone_or_out_of_bounds_are_refused_and_old_ones_accepted() -> None:
    async with open_ingestion() as edge:
        for bad in (
            at("2026-01-01T00:00:00"),
            at("2026-01-01T00:00:00+25:00"),
            at("2016-12-31T23:59:60Z"),
            at("9999-12-31T23:59:59Z", "clock_skew"),
            at("9999-12-31T23:59:59-12:00", "clock_skew"),
        ):
            await refuse(edge, bad)
        await accept(edge, cloud_event(time="1969-07-20T20:17:40Z"))


async def test_h32_an_hour_ahead_is_accepted_and_a_second_more_refused() -> None:
    async with open_ingestion() as edge:
        await refuse(edge, at("2026-01-01T01:00:01Z", "clock_skew"))
        await accept(edge, cloud_event(time="2026-01-01T01:00:00Z"))


async def test_h33_another_body_under_an_id_is_a_conflict() -> None:
    async with open_ingestion() as edge:
        await accept(edge, event("a"))
        await refuse(edge, Bad(409, "id_conflict", event("a", amount=2)))
        await accept(edge, event("b"))


async def test_h37_other_methods_and_paths_are_refused_whatever_a_header_says() -> None:
    async with open_ingestion() as edge:
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
            await refuse(edge, elsewhere(EVENTS, 405, "method_not_allowed", method))
        await refuse(edge, elsewhere(EVENTS + "/", 404, "not_found"))
        await refuse(edge, elsewhere("/v1/streams/a%2Fb/events", 404, "not_found"))
        await refuse(edge, elsewhere("/v1/streams/loans%2Fevents", 404, "not_found"))
        await refuse(edge, elsewhere("/v1/streams/other/events", 404, "unknown_stream"))
        await accept(edge, event("good"))
