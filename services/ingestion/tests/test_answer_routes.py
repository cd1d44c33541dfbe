"""Answers over HTTP: waited for, got by id, or listened to by key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from penstock.contracts.batch import Outputs
from penstock.contracts.codecs.received_decoder import ReceivedDecoder
from penstock.contracts.operation_header import OPERATION
from penstock.contracts.operations import operations_of
from penstock.contracts.records.events import Event
from penstock.contracts.records.rejections import rejection_id
from penstock.contracts.topics import PREDICTIONS, REJECTED
from penstock.ingestion.answer_cache import AnswerCache

from .conftest import EVENTS, JSON, LABELS, NDJSON, Ingestion, cloud_event, event, open_ingestion
from .test_answer_cache import prediction, rejection

BY_ID = "/v1/streams/loans/predictions/"


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (several things are waited for)
            await asyncio.sleep(0.001)


async def predict(ingestion: Ingestion, *events: str, key: bytes = b"c1") -> None:
    values = [prediction(name).value or b"" for name in events]
    await ingestion.resources.publisher.publish([Outputs(PREDICTIONS, "loans", values, [key] * len(values))])


async def reject(ingestion: Ingestion, event_id: str, received: bytes = b"") -> None:
    record = rejection(event_id, record_id=rejection_id("http", event_id, received))
    await ingestion.resources.publisher.publish([Outputs(REJECTED, "loans", [record.value or b""], [b"c1"])])


async def predict_awaited(ingestion: Ingestion, received: bytes, value: str = "no") -> None:
    """A prediction of the event in a received record, as if that was awaited."""
    declared = ingestion.resources.streams.get("loans")
    assert declared is not None
    record = ReceivedDecoder(declared).decode(received)
    assert isinstance(record, Event)
    (operation,) = operations_of(declared.declaration, [record])
    headers = {0: ((OPERATION, operation.digest),)}
    values = [prediction(record.id, value).value or b""]
    await ingestion.resources.publisher.publish([Outputs(PREDICTIONS, "loans", values, [b"c1"], headers=headers)])


async def post_awaited(ingestion: Ingestion, body: Any) -> tuple[asyncio.Task[httpx.Response], bytes]:
    """Post an event that waits; the request, and the record once it is on the log."""
    before = ingestion.received_values()
    response = asyncio.create_task(ingestion.post(f"{EVENTS}?wait=20000", body))
    await eventually(lambda: len(ingestion.received_values()) > len(before))
    return response, ingestion.received_values()[-1]


async def test_an_event_may_wait_for_its_prediction(ingestion: Ingestion) -> None:
    waiting, received = await post_awaited(ingestion, event())
    await predict(ingestion, "other")
    await predict_awaited(ingestion, received)
    response = await waiting

    assert response.status_code == 200
    assert (response.json()["status"], response.json()["id"]) == ("predicted", "a")
    assert response.json()["prediction"]["value"] == "no"
    again = await ingestion.post(f"{EVENTS}?wait=20000", event())
    assert (again.status_code, again.json()) == (200, response.json())


async def test_an_event_may_wait_for_its_rejection_and_be_sent_again_corrected(ingestion: Ingestion) -> None:
    waiting, received = await post_awaited(ingestion, event())
    await reject(ingestion, "a", received)
    response = await waiting
    assert (response.status_code, response.json()["rejection"]["code"]) == (200, "id_conflict")

    waiting, received = await post_awaited(ingestion, event())
    await predict_awaited(ingestion, received)
    assert (await waiting).json()["status"] == "predicted"


async def test_answers_to_other_bodies_under_the_id_are_not_its_own(ingestion: Ingestion) -> None:
    other = json.dumps(cloud_event(source="http", data={"customer": "c1", "amount": 99})).encode()
    await predict_awaited(ingestion, other, "yes")
    waiting, received = await post_awaited(ingestion, event())
    await predict(ingestion, "a")
    await reject(ingestion, "a", other)
    await reject(ingestion, "a", received)
    answer = (await waiting).json()
    assert (answer["status"], answer["rejection"]["code"]) == ("rejected", "id_conflict")


async def test_only_an_event_that_is_waited_for_is_marked(ingestion: Ingestion) -> None:
    await ingestion.client.get(f"{BY_ID}a")
    await ingestion.post(EVENTS, event())
    await ingestion.post(f"{EVENTS}?wait=0", event("b"))
    headers = [dict(record.headers) for record in ingestion.received_records()]
    assert headers == [{}, {OPERATION: b""}]


async def test_an_event_whose_answer_takes_too_long_is_accepted_without_it(ingestion: Ingestion) -> None:
    for wait in ("0", "5"):
        response = await ingestion.post(f"{EVENTS}?wait={wait}", event())
        assert (response.status_code, response.json()) == (202, {"id": "a", "status": "accepted"})


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        (f"{EVENTS}?wait=soon", event(), JSON),
        (f"{EVENTS}?wait=", event(), JSON),
        (f"{EVENTS}?wait=-1", event(), JSON),
        (f"{EVENTS}?wait=30001", event(), JSON),
        (f"{EVENTS}?wait=10", [event()], JSON),
        (f"{EVENTS}?wait=10", json.dumps(event()).encode(), NDJSON),
        (f"{LABELS}?wait=10", {"event_id": "a", "value": "yes", "entity": "c1"}, JSON),
    ],
)
async def test_what_cannot_be_waited_for_is_refused_and_not_logged(
    ingestion: Ingestion, path: str, body: Any, headers: Any
) -> None:
    response = await ingestion.post(path, body, headers)

    assert (response.status_code, response.json()["field"]) == (422, "wait")
    assert ingestion.received() == []


async def test_a_refused_event_does_not_wait(ingestion: Ingestion) -> None:
    assert (await ingestion.post(f"{EVENTS}?wait=20000", event(amount=-1))).status_code == 422


async def test_an_answer_is_found_by_the_events_id(ingestion: Ingestion) -> None:
    await predict(ingestion, "a")
    await reject(ingestion, "b")

    answers = [(await ingestion.client.get(BY_ID + name)).json() for name in ("a", "b")]
    other_source = await ingestion.client.get(f"{BY_ID}a?source=till")
    unknown = await ingestion.client.get(f"{BY_ID}c")
    unknown_stream = await ingestion.client.get("/v1/streams/other/predictions/a")

    assert [answer["status"] for answer in answers] == ["predicted", "rejected"]
    assert [(response.status_code, response.json()["code"]) for response in (other_source, unknown)] == [
        (404, "unknown")
    ] * 2
    assert (unknown_stream.status_code, unknown_stream.json()["code"]) == (404, "unknown_stream")
    await predict(ingestion, "c")
    await eventually(lambda: ingestion.cache.find("loans", "http", "c"))
    assert (await ingestion.client.get(f"{BY_ID}c")).status_code == 200


async def test_an_answer_that_is_no_longer_kept_is_forgotten() -> None:
    async with open_ingestion(cache=AnswerCache(max_answers=1)) as ingestion:
        await predict(ingestion, "a", "b")
        assert (await ingestion.client.get(f"{BY_ID}b")).status_code == 200
        response = await ingestion.client.get(f"{BY_ID}a")

    assert (response.status_code, response.json()["code"]) == (404, "forgotten")


async def test_no_answers_are_read_before_the_first_lookup(ingestion: Ingestion) -> None:
    await ingestion.post(EVENTS, event())
    await ingestion.post(EVENTS, [event("b"), event("c")])
    assert ingestion.log.readers == 0
    await ingestion.client.get(f"{BY_ID}a")
    await ingestion.client.get(f"{BY_ID}b")
    await eventually(lambda: ingestion.log.readers)
    assert ingestion.log.readers == 1


async def test_the_predictions_of_a_key_are_streamed(ingestion: Ingestion) -> None:
    received, leave = bytearray(), asyncio.Event()

    async def receive() -> dict[str, Any]:
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        received.extend(b"%d" % message["status"] if "status" in message else message["body"])

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/v1/streams/loans/predictions", "raw_path": b"", "query_string": b"key=c1", "root_path": "",
        "headers": [], "client": ("c", 1), "server": ("s", 1),
    }  # fmt: skip
    listening = asyncio.create_task(ingestion.app(scope, receive, send))
    await eventually(lambda: b"listening" in received)
    await predict(ingestion, "x", key=b"c2")
    await predict(ingestion, "a", "b")
    await eventually(lambda: b"id: b\n" in received)
    leave.set()
    await listening

    head, *events = received.decode().split("\n\n")
    assert head == "200: listening"
    lines = [dict(line.split(": ", 1) for line in text.split("\n")) for text in events if text]
    assert [(event["id"], event["event"], json.loads(event["data"])["status"]) for event in lines] == [
        ("a", "prediction", "predicted"),
        ("b", "prediction", "predicted"),
    ]
    await eventually(lambda: ingestion.cache.subscriptions.count == 0)


@pytest.mark.parametrize("query", ["", "?key=", "?other=1"])
async def test_listening_needs_a_key(ingestion: Ingestion, query: str) -> None:
    response = await ingestion.client.get(f"/v1/streams/loans/predictions{query}")
    assert (response.status_code, response.json()["field"]) == (422, "key")
