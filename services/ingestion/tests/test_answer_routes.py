"""An HTTP producer's answer: waited for, asked for by id, or listened to by key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from penstock.contracts.batch import Outputs
from penstock.contracts.topics import PREDICTIONS, REJECTED
from penstock.ingestion.answer_cache import Answers

from .conftest import EVENTS, JSON, LABELS, NDJSON, Edge, event, opened
from .test_answers import prediction, rejection

ONE = "/v1/streams/loans/predictions/"


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (several things are waited for)
            await asyncio.sleep(0.001)


async def predict(edge: Edge, *events: str, key: bytes = b"c1") -> None:
    values = [prediction(name).value or b"" for name in events]
    await edge.resources.publisher.publish([Outputs(PREDICTIONS, "loans", values, [key] * len(values))])


async def reject(edge: Edge, event_id: str) -> None:
    await edge.resources.publisher.publish([Outputs(REJECTED, "loans", [rejection(event_id).value or b""], [b"c1"])])


async def answered(edge: Edge, path: str, answer: Callable[[], Awaitable[None]]) -> httpx.Response:
    """Send an event that waits, and have it answered once it is on the log."""
    before = len(edge.received())
    asked = asyncio.create_task(edge.post(path, event()))
    await eventually(lambda: len(edge.received()) > before)
    await answer()
    return await asked


async def test_an_event_may_wait_for_its_prediction(edge: Edge) -> None:
    response = await answered(edge, f"{EVENTS}?wait=20000", lambda: predict(edge, "other", "a"))

    assert response.status_code == 200
    assert (response.json()["status"], response.json()["id"]) == ("predicted", "a")
    assert response.json()["prediction"]["value"] == "no"
    again = await edge.post(f"{EVENTS}?wait=20000", event())
    assert (again.status_code, again.json()) == (200, response.json())


async def test_an_event_may_wait_for_its_rejection_and_be_sent_again_mended(edge: Edge) -> None:
    response = await answered(edge, f"{EVENTS}?wait=20000", lambda: reject(edge, "a"))
    assert (response.status_code, response.json()["rejection"]["code"]) == (200, "id_conflict")

    mended = await answered(edge, f"{EVENTS}?wait=20000", lambda: predict(edge, "a"))
    assert mended.json()["status"] == "predicted"


async def test_an_event_whose_answer_takes_too_long_is_accepted_as_ever(edge: Edge) -> None:
    for wait in ("0", "5"):
        response = await edge.post(f"{EVENTS}?wait={wait}", event())
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
    edge: Edge, path: str, body: Any, headers: Any
) -> None:
    response = await edge.post(path, body, headers)

    assert (response.status_code, response.json()["field"]) == (422, "wait")
    assert edge.received() == []


async def test_a_refused_event_does_not_wait(edge: Edge) -> None:
    assert (await edge.post(f"{EVENTS}?wait=20000", event(amount=-1))).status_code == 422


async def test_an_answer_can_be_asked_for_by_the_events_id(edge: Edge) -> None:
    await predict(edge, "a")
    await reject(edge, "b")

    found = [(await edge.client.get(ONE + name)).json() for name in ("a", "b")]
    elsewhere = await edge.client.get(f"{ONE}a?source=till")
    unknown = await edge.client.get(f"{ONE}c")
    nowhere = await edge.client.get("/v1/streams/other/predictions/a")

    assert [said["status"] for said in found] == ["predicted", "rejected"]
    assert [(gone.status_code, gone.json()["code"]) for gone in (elsewhere, unknown)] == [(404, "unknown")] * 2
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "unknown_stream")
    await predict(edge, "c")
    await eventually(lambda: edge.answers.find("loans", "http", "c"))
    assert (await edge.client.get(f"{ONE}c")).status_code == 200


async def test_an_answer_that_is_no_longer_kept_is_told_as_such() -> None:
    async with opened(answers=Answers(most=1)) as edge:
        await predict(edge, "a", "b")
        assert (await edge.client.get(f"{ONE}b")).status_code == 200
        gone = await edge.client.get(f"{ONE}a")

    assert (gone.status_code, gone.json()["code"]) == (404, "forgotten")


async def test_nothing_is_read_for_those_who_do_not_ask(edge: Edge) -> None:
    await edge.post(EVENTS, event())
    await edge.post(EVENTS, [event("b"), event("c")])
    assert edge.log.readers == 0
    await edge.client.get(f"{ONE}a")
    await edge.client.get(f"{ONE}b")
    assert edge.log.readers == 1


async def test_the_predictions_of_a_key_are_streamed(edge: Edge) -> None:
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
    listening = asyncio.create_task(edge.app(scope, receive, send))
    await eventually(lambda: b"listening" in received)
    await predict(edge, "x", key=b"c2")
    await predict(edge, "a", "b")
    await eventually(lambda: b"id: b\n" in received)
    leave.set()
    await listening

    head, *events = received.decode().split("\n\n")
    assert head == "200: listening"
    lines = [dict(line.split(": ", 1) for line in said.split("\n")) for said in events if said]
    assert [(said["id"], said["event"], json.loads(said["data"])["status"]) for said in lines] == [
        ("a", "prediction", "predicted"),
        ("b", "prediction", "predicted"),
    ]
    await eventually(lambda: edge.answers.awaited == 0)


@pytest.mark.parametrize("query", ["", "?key=", "?other=1"])
async def test_whoever_listens_names_a_key(edge: Edge, query: str) -> None:
    response = await edge.client.get(f"/v1/streams/loans/predictions{query}")
    assert (response.status_code, response.json()["field"]) == (422, "key")
