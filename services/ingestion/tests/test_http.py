"""The HTTP edge: what is let in, and how everything else is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from penstock.bus.errors import BrokerUnavailable, RecordTooLarge
from penstock.bus.memory import MemoryLog, MemorySink
from penstock.bus.ports import Written
from penstock.bus.publishing import Publisher
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.ids import label_id
from penstock.contracts.placement import partition_of
from penstock.contracts.stream_file import parse_declaration
from penstock.contracts.streams import StreamDeclared
from penstock.ingestion.delivery import Delivery
from penstock.ingestion.limits import Limits
from penstock.ingestion.settings import IngestionSettings
from penstock.ingestion.wiring import build
from penstock.runtime.in_one_process import OneProcess, VirtualClock
from penstock.runtime.service import Resources
from penstock.telemetry.setup import memory_telemetry

NOW = 1_767_225_600_000  # 2026-01-01T00:00Z
LIMITS = Limits(body_bytes=200_000, record_bytes=100_000, batch_records=50, body_seconds=5, ack_seconds=5)
JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}
EVENTS, LABELS = "/v1/streams/loans/events", "/v1/streams/loans/labels"

LOANS = """
[stream]
name = "loans"
task = "binary"
entity = "customer"
[label]
name = "defaulted"
classes = ["no", "yes"]
[fields]
customer = { type = "category" }
amount = { type = "number", min = 0, outside = "refuse" }
terms = { type = "integer" }
"""


class Sink(MemorySink):
    """A sink whose broker may be away, silent, or sparing of space."""

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self._of = log

    async def send(self, records: Sequence[Written]) -> Awaitable[None]:
        self._of.writes.append(len(records))
        self._of.asked.set()
        match self._of.mood:
            case "away":
                raise BrokerUnavailable("the broker is away")
            case "sparing" if any(b"large" in (record.value or b"") for record in records):
                raise RecordTooLarge("the record is larger than the log takes")
            case "silent":
                self._of.silence = asyncio.get_running_loop().create_future()
                return self._of.silence
        return await super().send(records)


class Log(MemoryLog):
    """A log whose broker's mood can be set; while it is silent, `silence` is what a writer waits for."""

    mood = "well"
    silence: asyncio.Future[None]

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.writes: list[int] = []
        self.asked = asyncio.Event()

    async def sink(self) -> Sink:
        return Sink(self)


@dataclass
class Edge:
    """Ingestion over HTTP on the memory log."""

    client: httpx.AsyncClient
    app: Any
    log: Log
    clock: VirtualClock
    resources: Resources

    async def post(self, path: str, body: Any, headers: dict[str, str] = JSON) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(path, content=content, headers=headers)

    def received(self) -> list[tuple[bytes | None, Any]]:
        places = self.log.places_of("penstock.loans.received")
        return [(r.key, json.loads(r.value or b"null")) for place in places for r in self.log.held(place)]


@asynccontextmanager
async def opened(limits: Limits = LIMITS, caught_up: bool = True, **changes: Any) -> AsyncIterator[Edge]:
    process = OneProcess(VirtualClock(NOW))
    log = Log(process.clock)
    resources = process.resources()
    publisher = Publisher(log, process.namespace, resources.streams)
    resources = replace(resources, log=log, publisher=publisher, **changes)
    stream = StreamDeclared(
        source="t", id="d", time=datetime(2026, 1, 1, tzinfo=UTC), version=1, declaration=parse_declaration(LOANS)
    )
    await log.create([*control_topics("penstock"), *stream_topics("penstock", stream)])
    resources.streams.apply(stream)
    service = build(IngestionSettings(), resources, limits)
    for task in service.tasks if caught_up else ():
        await task()
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        yield Edge(client, service.app, log, process.clock, resources)


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with opened() as it:
        yield it


def event(event_id: Any = "a", **data: Any) -> dict[str, Any]:
    return {"id": event_id, "data": {"customer": "c1", "amount": 1.5} | data}


def cloud_event(event_id: str = "a", **attributes: Any) -> dict[str, Any]:
    whole = {"specversion": "1.0", "type": "penstock.event.v1", "source": "till", "time": "2026-01-01T00:00:00Z"}
    return {**whole, **event(event_id), **attributes}


def raw(text: str) -> bytes:
    """A shorthand event whose amount is spelled so."""
    return b'{"id": "a", "data": {"customer": "c1", "amount": %s}}' % text.encode("utf-8")


# --- what is let in


async def test_a_shorthand_event_becomes_a_whole_cloud_event_under_its_entity(edge: Edge) -> None:
    response = await edge.post(EVENTS, event())

    assert (response.status_code, response.json()) == (202, {"id": "a", "status": "accepted"})
    whole = cloud_event(source="http")
    assert edge.received() == [(b"c1", whole)]
    assert edge.log.held(("penstock.loans.received", partition_of(b"c1", 4)))


async def test_a_whole_cloud_event_goes_on_as_it_came(edge: Edge) -> None:
    sent = cloud_event(subject="extension", answer="sealed elsewhere")

    response = await edge.post(EVENTS, sent, {"content-type": "application/cloudevents+json"})

    assert response.status_code == 202
    assert edge.received() == [(b"c1", sent)]


async def test_a_cloud_event_in_binary_mode_is_put_together(edge: Edge) -> None:
    attributes = {name: value for name, value in cloud_event().items() if name != "data"}
    headers = JSON | {f"ce-{name}": value for name, value in attributes.items()}

    response = await edge.post(EVENTS, cloud_event()["data"], headers)

    assert response.status_code == 202
    assert edge.received() == [(b"c1", cloud_event())]


async def test_a_shorthand_label_names_its_event(edge: Edge) -> None:
    response = await edge.post(LABELS, {"event_id": "a", "value": "yes", "entity": "c1", "revision": 2})

    assert response.json() == {"id": label_id("http", "a", 2), "status": "accepted"}
    ((key, whole),) = edge.received()
    assert key == b"c1"
    assert whole["data"] == {"event_source": "http", "event_id": "a", "value": "yes", "entity": "c1", "revision": 2}


async def test_a_labels_entity_may_be_a_number_as_in_its_event(edge: Edge) -> None:
    await edge.post(LABELS, {"event_id": "a", "value": "yes", "entity": 17.0, "source": "till", "id": "l"})

    ((key, whole),) = edge.received()
    assert (key, whole["id"], whole["source"], whole["data"]["entity"]) == (b"17", "l", "till", "17")


async def test_the_same_body_again_is_accepted_again(edge: Edge) -> None:
    assert [(await edge.post(EVENTS, event())).status_code for _ in range(2)] == [202, 202]


BATCHES = {
    "an array": ([event("a"), event("b", amount=-1), event("c")], JSON),
    "an array of cloud events": (
        [cloud_event("a"), cloud_event("b", time="noon"), cloud_event("c")],
        {"content-type": "application/cloudevents-batch+json"},
    ),
    "lines": (b"\n".join([raw("1"), b"{]", b"", raw("2").replace(b'"a"', b'"c"')]) + b"\r\n", NDJSON),
    "an array in which one holds NaN": (b"[" + b",".join([raw("1"), raw("NaN"), raw("1")]) + b"]", JSON),
    "an array in which one holds 1e400": (b"[" + b",".join([raw("1"), raw("1e400"), raw("1")]) + b"]", JSON),
    "the same id twice with other bodies": (
        [event("a"), event("a", amount=2), event("c")],
        JSON,
    ),
}


@pytest.mark.parametrize("case", BATCHES)
async def test_a_batch_is_answered_for_each_record(edge: Edge, case: str) -> None:
    body, headers = BATCHES[case]

    response = await edge.post(EVENTS, body, headers)

    assert response.status_code == 202
    assert response.json()["accepted"] == len(edge.received()) == 2
    (refused,) = response.json()["refused"]
    assert refused["index"] == 1
    assert set(refused) == {"index", "id", "code", "field", "detail"}


async def test_a_batch_of_which_nothing_is_accepted_is_a_problem(edge: Edge) -> None:
    response = await edge.post(EVENTS, [event(amount=-1), 5])

    assert response.status_code == 422
    assert [item["code"] for item in response.json()["refused"]] == ["out_of_range", "wrong_type"]
    assert edge.received() == []


# --- what is refused: the rows H1 to H40 of the promises

DEEP = "[" * 100_000 + "]" * 100_000
LINE_LIMIT = LIMITS.batch_records + 1

BAD: dict[str, tuple[str, Any, dict[str, str], int, str]] = {
    "H1 NaN": (EVENTS, raw("NaN"), JSON, 422, "not_finite"),
    "H2 Infinity": (EVENTS, raw("Infinity"), JSON, 422, "not_finite"),
    "H2 -Infinity": (EVENTS, raw("-Infinity"), JSON, 422, "not_finite"),
    "H3 1e400": (EVENTS, raw("1e400"), JSON, 422, "not_finite"),
    "H4 lone surrogate": (EVENTS, raw('"\\ud800"'), JSON, 422, "bad_text"),
    "H6 duplicate key": (EVENTS, raw('1, "amount": 2'), JSON, 400, "duplicate_key"),
    "H6 duplicate key in the envelope": (EVENTS, b'{"id": "b", ' + raw("1")[1:], JSON, 400, "duplicate_key"),
    "H6 duplicate key, escaped": (EVENTS, raw('1, "\\u0061mount": 2'), JSON, 400, "duplicate_key"),
    "H7 nested 100,000 deep": (EVENTS, DEEP.encode()[: LIMITS.record_bytes], JSON, 400, "malformed"),
    "H7 nested deep in a field": (EVENTS, raw("[" * 40_000 + "]" * 40_000), JSON, 400, "malformed"),
    "H8 5,000-digit int": (EVENTS, raw("1" * 5000), JSON, 422, "not_finite"),
    "H9 bool as number": (EVENTS, raw("true"), JSON, 422, "wrong_type"),
    "H10 text as number": (EVENTS, raw('"1.5"'), JSON, 422, "wrong_type"),
    "H11 1.5 as int": (EVENTS, event(terms=1.5), JSON, 422, "wrong_type"),
    "H12 extra field": (EVENTS, event(colour="red"), JSON, 422, "extra_field"),
    "H12 extra member": (EVENTS, {**event(), "tiem": "now"}, JSON, 422, "extra_field"),
    "H14 invalid UTF-8": (EVENTS, raw('"?"').replace(b"?", b"\xff"), JSON, 400, "malformed"),
    "H15 UTF-16": (EVENTS, raw("1").decode().encode("utf-16"), JSON, 400, "malformed"),
    "H15 UTF-16 without mark": (EVENTS, raw("1").decode().encode("utf-16-le"), JSON, 400, "malformed"),
    "H16 BOM": (EVENTS, b"\xef\xbb\xbf" + raw("1"), JSON, 400, "malformed"),
    "H17 empty body": (EVENTS, b"", JSON, 400, "malformed"),
    "H17 blank lines": (EVENTS, b"\n \n", NDJSON, 400, "malformed"),
    "H18 null": (EVENTS, b"null", JSON, 422, "wrong_type"),
    "H20 trailing comma": (EVENTS, raw("1,"), JSON, 400, "malformed"),
    "H20 trailing comma in a batch": (EVENTS, b"[" + raw("1") + b",]", JSON, 400, "malformed"),
    "H21 two documents": (EVENTS, raw("1") + raw("1"), JSON, 400, "malformed"),
    "H22 empty id": (EVENTS, event(""), JSON, 422, "bad_id"),
    "H22 no id": (EVENTS, {"data": event()["data"]}, JSON, 422, "missing_field"),
    "H22 no event id": (LABELS, {"value": "yes", "entity": "c1"}, JSON, 422, "missing_field"),
    "H22 empty event id": (LABELS, {"event_id": "", "value": "yes", "entity": "c1"}, JSON, 422, "wrong_type"),
    "H22 a number as id": (EVENTS, event(5), JSON, 422, "bad_id"),
    "H22 513 characters": (EVENTS, event("i" * 513), JSON, 422, "bad_id"),
    "H24 traversal": (EVENTS, event("../../etc/passwd"), JSON, 422, "bad_id"),
    "H24 line break": (EVENTS, event("a\nb"), JSON, 422, "bad_id"),
    "H25 large body": (EVENTS, b" " * (LIMITS.body_bytes + 1), JSON, 413, "too_large"),
    "H25 large record": (EVENTS, event(customer="c" * LIMITS.record_bytes), JSON, 413, "too_large"),
    "H28 wrong content type": (EVENTS, raw("1"), {"content-type": "text/plain"}, 415, "unsupported_media_type"),
    "H28 no content type": (EVENTS, raw("1"), {}, 415, "unsupported_media_type"),
    "H28 form": (
        EVENTS, raw("1"), {"content-type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type",
    ),
    "H28 another charset": (
        EVENTS, raw("1"), {"content-type": "application/json; charset=utf-16"}, 415, "unsupported_media_type",
    ),
    "H28 compressed": (EVENTS, b"\x1f\x8b", JSON | {"content-encoding": "gzip"}, 415, "unsupported_media_type"),
    "H30 batch of 0": (EVENTS, [], JSON, 422, "out_of_range"),
    "H30 batch too long": (EVENTS, [1] * LINE_LIMIT, JSON, 422, "out_of_range"),
    "H30 lines too many": (EVENTS, b"1\n" * LINE_LIMIT, NDJSON, 422, "out_of_range"),
    "H30 no array": (
        EVENTS, cloud_event(), {"content-type": "application/cloudevents-batch+json"}, 422, "wrong_type",
    ),
    "H31 no zone": (EVENTS, cloud_event(time="2026-01-01T00:00:00"), JSON, 422, "bad_time"),
    "H31 +25:00": (EVENTS, cloud_event(time="2026-01-01T00:00:00+25:00"), JSON, 422, "bad_time"),
    "H31 leap second": (EVENTS, cloud_event(time="2016-12-31T23:59:60Z"), JSON, 422, "bad_time"),
    "H31 year 9999": (EVENTS, cloud_event(time="9999-12-31T23:59:59-12:00"), JSON, 422, "clock_skew"),
    "H31 null": (EVENTS, event() | {"time": None}, JSON, 422, "bad_time"),
    "H32 more than an hour ahead": (EVENTS, cloud_event(time="2026-01-01T01:00:01Z"), JSON, 422, "clock_skew"),
    "H34 unknown version": (EVENTS, cloud_event(type="penstock.event.v9"), JSON, 422, "unknown_schema_version"),
    "H34 unknown envelope": (EVENTS, cloud_event(specversion="0.3"), JSON, 422, "unknown_schema_version"),
    "H34 an event as a label": (LABELS, cloud_event(), JSON, 422, "unknown_schema_version"),
    "H35 5,000 fields": (EVENTS, event(**{f"f{n}": n for n in range(5000)}), JSON, 422, "extra_field"),
    "H37 unknown stream": ("/v1/streams/other/events", raw("1"), JSON, 404, "unknown_stream"),
    "H37 trailing slash": (EVENTS + "/", raw("1"), JSON, 404, "not_found"),
    "H37 encoded slash": ("/v1/streams/a%2Fb/events", raw("1"), JSON, 404, "not_found"),
    "H37 unknown path": ("/v1/stream", raw("1"), JSON, 404, "not_found"),
    "H38 both framings": (EVENTS, raw("1"), JSON | {"transfer-encoding": "chunked"}, 400, "malformed"),
    "H40 the text NaN": (EVENTS, raw('"NaN"'), JSON, 422, "wrong_type"),
    "out of its range": (EVENTS, event(amount=-1), JSON, 422, "out_of_range"),
    "no entity": (EVENTS, event(customer=None), JSON, 422, "missing_entity"),
    "a label's unknown class": (
        LABELS, {"event_id": "a", "value": "perhaps", "entity": "c1"}, JSON, 422, "unknown_class",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
async def test_bad_input_is_a_problem_and_nothing_is_logged(edge: Edge, case: str) -> None:
    path, body, headers, status, code = BAD[case]

    response = await edge.post(path, body, headers)

    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert set(problem) == {"type", "title", "status", "code", "field", "detail"}
    assert len(response.content) < 1000
    assert edge.received() == []


GOOD = {
    "H11 1.0 as int": event(terms=1.0),
    "H31 1969": cloud_event(time="1969-07-20T20:17:40Z"),
    "H31 another zone": cloud_event(time="2026-01-01T05:30:00+05:30"),
    "H32 an hour ahead": cloud_event(time="2026-01-01T01:00:00Z"),
}


@pytest.mark.parametrize("case", GOOD)
async def test_what_looks_odd_but_says_something_possible_is_taken(edge: Edge, case: str) -> None:
    assert (await edge.post(EVENTS, GOOD[case])).status_code == 202


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_a_problem_that_names_the_right_one(edge: Edge, method: str) -> None:
    response = await edge.client.request(method, EVENTS, headers={"x-http-method-override": "POST"})

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


async def test_no_value_that_was_sent_comes_back(edge: Edge) -> None:
    for _, body, headers, *_ in BAD.values():
        if isinstance(body, dict):
            marked = json.dumps(body).replace("c1", "canary").encode()
            assert b"canary" not in (await edge.post(EVENTS, marked, headers)).content


async def test_another_body_under_an_id_is_refused_while_it_is_remembered(edge: Edge) -> None:
    await edge.post(EVENTS, event())

    answers = [await edge.post(EVENTS, event(amount=2)), await edge.post(EVENTS, event(customer="c2", amount=2))]

    assert [(a.status_code, a.json().get("code")) for a in answers] == [(409, "id_conflict"), (202, None)]
    edge.clock.advance_to(NOW + 25 * 3_600_000)
    assert (await edge.post(EVENTS, event(amount=2))).status_code == 202


async def test_another_value_of_a_labels_revision_is_refused(edge: Edge) -> None:
    said = {"event_id": "a", "value": "yes", "entity": "c1"}
    await edge.post(LABELS, said)

    answers = [await edge.post(LABELS, said | {"value": "no", "revision": revision}) for revision in (0, 1)]

    assert [a.status_code for a in answers] == [409, 202]
    assert answers[0].json()["code"] == "label_conflict"


async def test_the_memory_of_ids_is_bounded() -> None:
    async with opened(replace(LIMITS, remembered=2)) as edge:
        for event_id in "abc":
            await edge.post(EVENTS, event(event_id))

        answers = [(await edge.post(EVENTS, event(event_id, amount=2))).status_code for event_id in "ac"]

    assert answers == [202, 409]


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


async def test_what_comes_while_a_write_is_under_way_goes_together_and_in_order(edge: Edge) -> None:
    delivery = Delivery(edge.resources.publisher, LIMITS)
    edge.log.mood = "silent"
    deliveries = [asyncio.create_task(delivery.deliver("loans", [b"-1"], [b"key"]))]
    async with asyncio.timeout(20):
        await edge.log.asked.wait()
    edge.log.mood = "well"
    deliveries += [asyncio.create_task(delivery.deliver("loans", [b"%d" % n], [b"key"])) for n in range(40)]
    await asyncio.sleep(0)  # each has its first turn, in which it queues
    edge.log.silence.set_result(None)
    await asyncio.gather(*deliveries)

    assert edge.log.writes == [1, 40]
    assert [whole for _, whole in edge.received()] == list(range(40))


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
