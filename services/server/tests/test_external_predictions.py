"""A stream whose model is external: the predictions that its events carry are recorded, and HTTP predicts nothing."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.topics import RECEIVED, STREAMS


async def _declare_external(deployment: Any) -> None:
    await deployment.publish(STREAMS, deployment.declared(2, '[serving]\nmodel = "external"'))
    await deployment.run_until_quiet()


async def test_an_external_prediction_is_recorded_like_our_own(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    await _declare_external(deployment)
    await deployment.publish_events(
        [deployment.event(1, prediction="yes", modelversion="2026.1"), deployment.event(8, prediction="no")]
    )
    await deployment.run_until_quiet()
    predictions = {p.id: p for p in deployment.predictions()}
    first = predictions["e1"]
    assert (first.source, first.time.isoformat()) == ("test#prediction", "2026-01-31T12:00:00+00:00")
    data = first.data
    assert (data.value, data.probabilities, data.entity) == ("yes", None, "p1")
    assert (data.model, data.version, data.digest, data.epoch) == ("loans@2026.1", 0, "external", 0)
    assert (data.schema, data.route, data.arm, data.baseline) == (2, "stream", "champion", False)
    assert (predictions["e8"].data.value, predictions["e8"].data.model) == ("no", "loans")


async def test_events_that_came_before_the_declaration_are_predicted_here(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    await _declare_external(deployment)
    events = [deployment.event(7 * number, prediction="yes") for number in range(4)]
    del events[1]["prediction"], events[2]["prediction"]
    await deployment.publish_events(events)
    await deployment.run_until_quiet()
    predictions = {p.id: p.data for p in deployment.predictions()}
    assert [predictions[event["id"]].baseline for event in events] == [False, True, True, False]
    assert [predictions[event["id"]].value for event in events] == ["yes", "no", "no", "yes"]


async def test_a_prediction_counts_only_where_it_is_declared(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    await deployment.publish_events([deployment.event(1, prediction="yes")])
    await deployment.run_until_quiet()
    (prediction,) = deployment.predictions()
    assert (prediction.data.value, prediction.data.baseline) == ("no", True)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/streams/loans/predict", b'{"data": {"person": "p1"}}'),
        ("GET", "/v1/streams/loans/model", None),
        ("POST", "/v2/models/loans/infer", b"{}"),
        ("GET", "/v2/models/loans", None),
    ],
)
async def test_http_predicts_nothing(
    deployment: Any, registry: Any, method: str, path: str, body: bytes | None
) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    await _declare_external(deployment)
    async with deployment.client() as client:
        response = await client.request(method, path, content=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (409, "external_model")
    assert deployment.records(RECEIVED, "loans") == []
