"""A stream whose model lives elsewhere: what its events bring is recorded, and nothing is answered over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.topics import RECEIVED, STREAMS


async def _declare_external(deployment: Any) -> None:
    await deployment.say(STREAMS, deployment.declared(2, '[serving]\nmodel = "external"'))
    await deployment.settle()


async def test_what_was_predicted_elsewhere_is_recorded_as_an_answer(deployment: Any, shop: Any) -> None:
    await deployment.serve(shop.epoch(0))
    await _declare_external(deployment)
    await deployment.events(
        [deployment.event(1, prediction="yes", modelversion="2026.1"), deployment.event(8, prediction="no")]
    )
    await deployment.settle()
    found = {p.id: p for p in deployment.predictions()}
    first = found["e1"]
    assert (first.source, first.time.isoformat()) == ("test#prediction", "2026-01-31T12:00:00+00:00")
    data = first.data
    assert (data.value, data.probabilities, data.entity) == ("yes", None, "p1")
    assert (data.model, data.version, data.digest, data.epoch) == ("loans@2026.1", 0, "external", 0)
    assert (data.schema, data.route, data.arm, data.baseline) == (2, "stream", "champion", False)
    assert (found["e8"].data.value, found["e8"].data.model) == ("no", "loans")


async def test_events_taken_in_before_the_declaration_are_answered_here(deployment: Any, shop: Any) -> None:
    await deployment.serve(shop.epoch(0))
    await _declare_external(deployment)
    events = [deployment.event(7 * number, prediction="yes") for number in range(4)]
    del events[1]["prediction"], events[2]["prediction"]
    await deployment.events(events)
    await deployment.settle()
    found = {p.id: p.data for p in deployment.predictions()}
    assert [found[event["id"]].baseline for event in events] == [False, True, True, False]
    assert [found[event["id"]].value for event in events] == ["yes", "no", "no", "yes"]


async def test_a_prediction_counts_only_where_it_is_declared(deployment: Any, shop: Any) -> None:
    await deployment.serve(shop.epoch(0))
    await deployment.events([deployment.event(1, prediction="yes")])
    await deployment.settle()
    (only,) = deployment.predictions()
    assert (only.data.value, only.data.baseline) == ("no", True)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/streams/loans/predict", b'{"data": {"person": "p1"}}'),
        ("GET", "/v1/streams/loans/model", None),
        ("POST", "/v2/models/loans/infer", b"{}"),
        ("GET", "/v2/models/loans", None),
    ],
)
async def test_nothing_is_answered_over_http(
    deployment: Any, shop: Any, method: str, path: str, body: bytes | None
) -> None:
    await deployment.serve(shop.epoch(0))
    await _declare_external(deployment)
    async with deployment.client() as client:
        response = await client.request(method, path, content=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (409, "external_model")
    assert deployment.records(RECEIVED, "loans") == []
