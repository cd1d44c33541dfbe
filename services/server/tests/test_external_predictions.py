"""A stream whose model is external: the predictions that its events carry are recorded, and HTTP predicts nothing."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.external_predictions import UNNAMED, external_version
from penstock.contracts.records.models import Challenger, RolloutStep
from penstock.contracts.records.predictions import ShadowAnswer
from penstock.contracts.topics import RECEIVED, STREAMS


async def _declare_external(deployment: Any, serving: str = '[serving]\nmodel = "external"') -> None:
    await deployment.publish(STREAMS, deployment.declared(2, serving))
    await deployment.run_until_quiet()


async def test_an_external_prediction_is_recorded_like_our_own(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    await _declare_external(deployment)
    await deployment.publish_events(
        [
            deployment.event(1, prediction="yes", modelversion="2026.1", probabilities={"yes": 0.7, "no": 0.3}),
            deployment.event(8, prediction="no"),
        ]
    )
    await deployment.run_until_quiet()
    predictions = {p.id: p for p in deployment.predictions()}
    first = predictions["e1"]
    assert (first.source, first.time.isoformat()) == ("test#prediction", "2026-01-31T12:00:00+00:00")
    data = first.data
    assert (data.value, data.probabilities, data.entity) == ("yes", [0.3, 0.7], "p1")
    assert (data.model, data.version_name, data.digest, data.epoch) == ("loans@2026.1", "2026.1", "external", 0)
    assert (data.schema, data.route, data.arm, data.baseline) == (2, "stream", "champion", False)
    data = predictions["e8"].data
    assert (data.value, data.probabilities, data.model, data.version) == ("no", None, "loans", UNNAMED)


WITH_CHALLENGERS = '[serving]\nmodel = "external"\nchallengers = true'


async def test_our_challengers_answer_beside_it_as_shadows(deployment: Any, registry: Any) -> None:
    challenger = registry.epoch(2, *registry.trained(threshold=20.0)).champion
    rollout = RolloutStep(id="r", mode="shadow", challengers=(Challenger(model=challenger),))
    await deployment.serve_epoch(registry.epoch(0).model_copy(update={"rollout": rollout}))
    await _declare_external(deployment, WITH_CHALLENGERS)
    await deployment.publish_events(
        [
            deployment.event(1, prediction="no", income=10.0),
            deployment.event(8, prediction="no", income=30.0),
            deployment.event(15, income=10.0),
        ]
    )
    await deployment.run_until_quiet()
    answers = {p.id: p.data for p in deployment.predictions()}
    shadows = {event: [(one.version, one.value) for one in data.shadow] for event, data in answers.items()}
    assert [answers[event].version for event in ("e1", "e8", "e15")] == [UNNAMED, UNNAMED, 0]
    assert shadows == {"e1": [(2, "yes")], "e8": [(2, "no")], "e15": [(2, "yes")]}


async def test_once_ours_is_promoted_it_answers_and_the_external_one_is_its_shadow(
    deployment: Any, registry: Any
) -> None:
    await deployment.serve_epoch(registry.epoch(1, *registry.trained(threshold=20.0)))
    await _declare_external(deployment, WITH_CHALLENGERS)
    events = [
        deployment.event(1, prediction="no", modelversion="7", probabilities=[0.6, 0.4], income=10.0),
        deployment.event(8, income=30.0),
    ]
    await deployment.publish_events(events)
    await deployment.run_until_quiet()
    answers = {p.id: p.data for p in deployment.predictions()}
    assert [(answers[event].version, answers[event].value) for event in ("e1", "e8")] == [(1, "yes"), (1, "no")]
    assert answers["e1"].shadow == [ShadowAnswer(external_version("7"), "no", [0.6, 0.4], "loans@7")]
    assert answers["e8"].shadow == []
    async with deployment.client() as client:
        body = {"data": {"person": "p1", "income": 10.0}}
        assert (await client.post("/v1/streams/loans/predict", json=body)).json()["value"] == "yes"


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
