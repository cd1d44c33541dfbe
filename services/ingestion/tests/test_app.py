"""The HTTP interface: what is accepted, and how everything else is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from penstock.contracts.ids import label_id
from penstock.contracts.partitioner import partition_of

from .conftest import EVENTS, JSON, LABELS, LIMITS, NDJSON, NOW, Ingestion, cloud_event, event, open_ingestion, raw

# --- what is accepted


async def test_a_shorthand_event_becomes_a_cloud_event_under_its_entity(ingestion: Ingestion) -> None:
    response = await ingestion.post(EVENTS, event())

    assert (response.status_code, response.json()) == (202, {"id": "a", "status": "accepted"})
    expected = cloud_event(source="http")
    assert ingestion.received() == [(b"c1", expected)]
    assert ingestion.log.records_of(("penstock.loans.received", partition_of(b"c1", 4)))


async def test_a_cloud_event_is_written_as_it_came(ingestion: Ingestion) -> None:
    document = cloud_event(subject="extension", answer="sealed elsewhere")

    response = await ingestion.post(EVENTS, document, {"content-type": "application/cloudevents+json"})

    assert response.status_code == 202
    assert ingestion.received() == [(b"c1", document)]


async def test_a_cloud_event_in_binary_mode_becomes_one_document(ingestion: Ingestion) -> None:
    attributes = {name: value for name, value in cloud_event().items() if name != "data"}
    headers = JSON | {f"ce-{name}": value for name, value in attributes.items()}

    response = await ingestion.post(EVENTS, cloud_event()["data"], headers)

    assert response.status_code == 202
    assert ingestion.received() == [(b"c1", cloud_event())]


async def test_a_shorthand_label_names_its_event(ingestion: Ingestion) -> None:
    response = await ingestion.post(LABELS, {"event_id": "a", "value": "yes", "entity": "c1", "revision": 2})

    assert response.json() == {"id": label_id("http", "a", 2), "status": "accepted"}
    ((key, record),) = ingestion.received()
    assert key == b"c1"
    assert record["data"] == {"event_source": "http", "event_id": "a", "value": "yes", "entity": "c1", "revision": 2}


@pytest.mark.parametrize("value", [True, "true", "yes"])
async def test_a_label_may_be_a_json_boolean_where_the_classes_are_no_and_yes(ingestion: Ingestion, value: Any) -> None:
    response = await ingestion.post(LABELS, {"event_id": "a", "value": value, "entity": "c1"})

    assert response.status_code == 202
    assert (await ingestion.post(LABELS, {"event_id": "a", "value": 1, "entity": "c1"})).status_code == 422


async def test_a_labels_entity_may_be_a_number_as_in_its_event(ingestion: Ingestion) -> None:
    await ingestion.post(LABELS, {"event_id": "a", "value": "yes", "entity": 17.0, "source": "till", "id": "l"})

    ((key, record),) = ingestion.received()
    assert (key, record["id"], record["source"], record["data"]["entity"]) == (b"17", "l", "till", "17")


async def test_the_same_body_again_is_accepted_again(ingestion: Ingestion) -> None:
    assert [(await ingestion.post(EVENTS, event())).status_code for _ in range(2)] == [202, 202]


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
async def test_a_batch_is_answered_for_each_record(ingestion: Ingestion, case: str) -> None:
    body, headers = BATCHES[case]

    response = await ingestion.post(EVENTS, body, headers)

    assert response.status_code == 202
    assert response.json()["accepted"] == len(ingestion.received()) == 2
    (refused,) = response.json()["refused"]
    assert refused["index"] == 1
    assert set(refused) == {"index", "id", "code", "field", "detail"}


async def test_a_batch_of_which_nothing_is_accepted_is_a_problem(ingestion: Ingestion) -> None:
    response = await ingestion.post(EVENTS, [event(amount=-1), 5])

    assert response.status_code == 422
    assert [item["code"] for item in response.json()["refused"]] == ["out_of_range", "wrong_type"]
    assert ingestion.received() == []


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
async def test_bad_input_is_a_problem_and_nothing_is_logged(ingestion: Ingestion, case: str) -> None:
    path, body, headers, status, code = BAD[case]

    response = await ingestion.post(path, body, headers)

    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert set(problem) == {"type", "title", "status", "code", "field", "detail"}
    assert len(response.content) < 1000
    assert ingestion.received() == []


GOOD = {
    "H11 1.0 as int": event(terms=1.0),
    "H31 1969": cloud_event(time="1969-07-20T20:17:40Z"),
    "H31 another zone": cloud_event(time="2026-01-01T05:30:00+05:30"),
    "H32 an hour ahead": cloud_event(time="2026-01-01T01:00:00Z"),
}


@pytest.mark.parametrize("case", GOOD)
async def test_unusual_but_valid_input_is_accepted(ingestion: Ingestion, case: str) -> None:
    assert (await ingestion.post(EVENTS, GOOD[case])).status_code == 202


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_a_problem_that_names_the_right_one(ingestion: Ingestion, method: str) -> None:
    response = await ingestion.client.request(method, EVENTS, headers={"x-http-method-override": "POST"})

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


async def test_no_response_repeats_a_value_that_was_sent(ingestion: Ingestion) -> None:
    for _, body, headers, *_ in BAD.values():
        if isinstance(body, dict):
            marked = json.dumps(body).replace("c1", "canary").encode()
            assert b"canary" not in (await ingestion.post(EVENTS, marked, headers)).content


async def test_another_body_under_an_id_is_refused_while_it_is_remembered(ingestion: Ingestion) -> None:
    await ingestion.post(EVENTS, event())

    answers = [
        await ingestion.post(EVENTS, event(amount=2)),
        await ingestion.post(EVENTS, event(customer="c2", amount=2)),
    ]

    assert [(a.status_code, a.json().get("code")) for a in answers] == [(409, "id_conflict"), (202, None)]
    ingestion.clock.advance_to(NOW + 25 * 3_600_000)
    assert (await ingestion.post(EVENTS, event(amount=2))).status_code == 202


async def test_another_value_of_a_labels_revision_is_refused(ingestion: Ingestion) -> None:
    label = {"event_id": "a", "value": "yes", "entity": "c1"}
    await ingestion.post(LABELS, label)

    answers = [await ingestion.post(LABELS, label | {"value": "no", "revision": revision}) for revision in (0, 1)]

    assert [a.status_code for a in answers] == [409, 202]
    assert answers[0].json()["code"] == "label_conflict"


async def test_the_number_of_recent_operations_is_bounded() -> None:
    async with open_ingestion(replace(LIMITS, recent_operations=2)) as ingestion:
        for event_id in "abc":
            await ingestion.post(EVENTS, event(event_id))

        answers = [(await ingestion.post(EVENTS, event(event_id, amount=2))).status_code for event_id in "ac"]

    assert answers == [202, 409]
