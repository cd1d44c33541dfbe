"""Predict over HTTP: predictions, refusals, what is put on the log, and new epochs under load."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest

from penstock.bus.errors import BrokerUnavailable
from penstock.contracts.codecs.sealed_answer import decode_answer, sealed_message, split_answer
from penstock.contracts.topics import RECEIVED
from penstock.ml.features.frame import Frame, column, times

PREDICT = "/v1/streams/loans/predict"
JSON = {"content-type": "application/json"}


async def _post(deployment: Any, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with deployment.client() as client:
        return await client.post(PREDICT, content=content, headers={**JSON, **headers})


async def test_an_event_is_predicted_and_its_sealed_prediction_is_on_the_log(deployment: Any, registry: Any) -> None:
    record = registry.epoch(1, *registry.trained())
    await deployment.serve_epoch(record)
    response = await _post(deployment, deployment.event(3, income=5.0))
    assert response.status_code == 200
    answer = response.json()
    version = record.champion
    assert answer["id"] == "e3"
    assert answer["value"] == "yes"
    assert answer["probabilities"].keys() == {"no", "yes"}
    assert answer["probabilities"]["yes"] > 0.5
    assert answer["model"] == {"name": "loans", "version": 1, "family": "linear", "digest": version.digest}
    assert (answer["epoch"], answer["schema"]) == (1, 1)
    (event,) = deployment.records(RECEIVED, "loans")
    assert (event.source, event.id) == ("test", "e3")
    mac, text = split_answer(event.answer)
    assert deployment.seal.verify(sealed_message("loans", "test", "e3", text), mac)
    assert not deployment.seal.verify(sealed_message("loans", "test", "e4", text), mac)
    data = decode_answer(text)
    assert (data.value, data.epoch, data.route, data.entity) == ("yes", 1, "http", "p3")
    assert [data.probabilities] == [list(answer["probabilities"].values())]
    (raw,) = [
        record
        for partition in deployment.log.partitions_of("penstock.loans.received")
        for record in deployment.log.records_of(partition)
    ]
    assert raw.key == b"p3"


async def test_attributes_that_are_left_out_get_defaults(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    response = await _post(deployment, {"data": {"person": "p1"}})
    assert response.status_code == 200
    (event,) = deployment.records(RECEIVED, "loans")
    assert (event.id, event.source) == (response.json()["id"], response.json()["source"])
    assert event.time.isoformat() == "2026-01-31T12:00:00+00:00"


async def test_a_probe_is_answered_alike_and_never_logged(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    plain = await _post(deployment, deployment.event(1))
    probe = await _post(deployment, deployment.event(1), **{"Penstock-Probe": "1"})
    assert probe.json() == plain.json()
    assert len(deployment.records(RECEIVED, "loans")) == 1


async def test_one_bad_number_refuses_no_other_event_of_its_batch(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    response = await _post(deployment, b'[{"data": {"person": "p1", "income": NaN}}, %s]' % _GOOD.encode())
    first, second = response.json()
    assert (first["status"], first["code"]) == (422, "not_finite")
    assert second["value"] == "no"


async def test_each_event_of_a_batch_is_answered_or_refused_in_order(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    batch = [deployment.event(1), deployment.event(2, income=-1.0), deployment.event(3), 7]
    response = await _post(deployment, batch)
    assert response.status_code == 200
    first, second, third, fourth = response.json()
    assert (first["id"], third["id"]) == ("e1", "e3")
    assert (second["id"], second["status"], second["code"], second["field"]) == ("e2", 422, "out_of_range", "income")
    assert fourth["code"] == "wrong_type"
    assert {event.id for event in deployment.records(RECEIVED, "loans")} == {"e1", "e3"}


_GOOD = '{"data": {"person": "p1", "income": 1.0}}'
_CLOUD_EVENT = b"""{"specversion": "1.0", "id": "a", "source": "s", "time": "2026-01-31T12:00:00Z",
"data": {"person": "p1"}, %s}"""
_BAD_BODIES: list[tuple[bytes, int, str]] = [
    (b'{"data": {"person": "p1", "income": NaN}}', 422, "not_finite"),
    (b'{"data": {"person": "p1", "income": -Infinity}}', 422, "not_finite"),
    (b'{"data": {"person": "p1", "income": 1e400}}', 422, "not_finite"),
    (b'{"data": {"person": "p1", "income": %s}}' % (b"9" * 5000), 422, "not_finite"),
    (b'{"data": {"person": "\\ud800"}}', 422, "bad_text"),
    (b'{"data": {"person": "p1", "income": true}}', 422, "wrong_type"),
    (b'{"data": {"person": "p1", "income": "1.5"}}', 422, "wrong_type"),
    (b'{"data": {"person": "p1", "income": -1}}', 422, "out_of_range"),
    (b'{"data": {"person": "p1", "income": 1e101}}', 422, "out_of_range"),
    (b'{"time": "0001-01-01T00:00:00+01:00", "data": {"person": "p1"}}', 422, "out_of_range"),
    (b'{"time": "9999-12-31T23:59:59-23:59", "data": {"person": "p1"}}', 422, "clock_skew"),
    (b'{"data": {"person": "p1", "other": 1}}', 422, "extra_field"),
    (b'{"data": {"income": 1}}', 422, "missing_field"),
    (b'{"data": {"person": ""}}', 422, "missing_entity"),
    (b'{"data": {"person": "p1", "income": 1, "income": 2}}', 400, "duplicate_key"),
    (b'{"id": "a", "id": "b", "data": {"person": "p1"}}', 400, "duplicate_key"),
    (b'{"id": "", "data": {"person": "p1"}}', 422, "bad_id"),
    (b'{"id": "../../etc/passwd", "data": {"person": "p1"}}', 422, "bad_id"),
    (b'{"time": "2026-01-31T12:00:00", "data": {"person": "p1"}}', 422, "bad_time"),
    (b'{"time": "2026-01-31T13:00:01Z", "data": {"person": "p1"}}', 422, "clock_skew"),
    (b'{"type": "penstock.event.v1", "data": {"person": "p1"}}', 422, "extra_field"),
    (_CLOUD_EVENT % b'"type": "penstock.event.v9"', 422, "unknown_schema_version"),
    (_CLOUD_EVENT % b'"type": "penstock.label.v1"', 422, "missing_field"),
    (_CLOUD_EVENT % b'"type": "penstock.event.v1", "answer": "x.{}"', 422, "forged_answer"),
    (b'{"data": {"person": "p1"},}', 400, "malformed"),
    (_GOOD.encode() * 2, 400, "malformed"),
    (_GOOD.encode("utf-16"), 400, "malformed"),
    (_GOOD.encode("utf-8-sig"), 400, "malformed"),
    (b'{"data": {"person": "\xff"}}', 400, "malformed"),
    (b"", 400, "malformed"),
    (b"null", 422, "wrong_type"),
    (b"[" * 100_000, 400, "malformed"),
    (b'{"data": %s}' % (b"[" * 90_000), 400, "malformed"),
    (b"[]", 422, "out_of_range"),
    (b"[" + b",".join([b"0"] * 10_001) + b"]", 422, "out_of_range"),
]


@pytest.mark.parametrize(("body", "status", "code"), _BAD_BODIES, ids=lambda value: str(value)[:50])
async def test_a_bad_body_is_refused_without_repeating_it(
    deployment: Any, registry: Any, body: bytes, status: int, code: str
) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    response = await _post(deployment, body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json().keys() == {"type", "title", "status", "code", "field", "detail"}
    assert response.headers["content-type"] == "application/problem+json"
    assert "etc/passwd" not in response.text
    assert deployment.records(RECEIVED, "loans") == []


async def test_wrong_media_type_and_a_body_too_large(deployment: Any) -> None:
    assert (await _post(deployment, b"{}", **{"content-type": "text/plain"})).status_code == 415
    assert (await _post(deployment, b" " * (17 << 20))).status_code == 413


async def test_unknown_streams_and_routes_are_problems(deployment: Any) -> None:
    async with deployment.client() as client:
        unknown = await client.post("/v1/streams/other/predict", content=b"{}", headers=JSON)
        early = await client.post(PREDICT, content=_GOOD, headers=JSON)
        no_route = await client.get("/v2/nothing")
        wrong_method = await client.get(PREDICT)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_stream")
    assert (early.status_code, early.json()["code"], early.headers["retry-after"]) == (503, "no_model", "2")
    assert (no_route.status_code, wrong_method.status_code) == (404, 405)
    assert (no_route.json()["code"], wrong_method.json()["code"]) == ("not_found", "method_not_allowed")
    assert no_route.headers["content-type"] == "application/problem+json"


async def test_a_broker_that_is_away_is_a_503_that_says_what_is_unknown(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    deployment.break_log(BrokerUnavailable("away"))
    response = await _post(deployment, deployment.event(1))
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert response.json()["code"] == "outcome_unknown"
    assert response.json()["ids"] == ["e1"]
    assert (await _post(deployment, deployment.event(1), **{"Penstock-Probe": "1"})).status_code == 200


async def test_the_model_route_says_which_model_serves(deployment: Any, registry: Any) -> None:
    record = registry.epoch(1, *registry.trained())
    await deployment.serve_epoch(record)
    async with deployment.client() as client:
        model = (await client.get("/v1/streams/loans/model")).json()
    assert model["epoch"] == 1
    assert model["model"]["digest"] == record.champion.digest
    assert model["classes"] == ["no", "yes"]


async def test_no_request_fails_while_models_change_and_no_response_mixes_them(deployment: Any, registry: Any) -> None:
    digests = {}
    record = registry.epoch(0)
    digests[0] = record.champion.digest
    await deployment.serve_epoch(record)
    done = asyncio.Event()
    batch = [deployment.event(number) for number in range(5)]

    async def send_requests(client: httpx.AsyncClient) -> list[tuple[int, str]]:
        seen = []
        while not done.is_set():
            response = await client.post(PREDICT, content=json.dumps(batch), headers=JSON)
            assert response.status_code == 200
            (epoch_and_digest,) = {(answer["epoch"], answer["model"]["digest"]) for answer in response.json()}
            seen.append(epoch_and_digest)
        return seen

    async with deployment.client() as client:
        clients = [asyncio.ensure_future(send_requests(client)) for _ in range(4)]
        for epoch in range(1, 9):
            record = registry.epoch(epoch, *registry.trained(threshold=10.0 * epoch))
            digests[epoch] = record.champion.digest
            await deployment.serve_epoch(record)
        done.set()
        for seen in await asyncio.gather(*clients):
            assert [epoch for epoch, _ in seen] == sorted(epoch for epoch, _ in seen)
            assert all(digests[epoch] == digest for epoch, digest in seen)


async def test_the_event_of_a_traced_request_carries_the_trace_on(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    await _post(deployment, deployment.event(1), traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    (raw,) = [
        record
        for partition in deployment.log.partitions_of("penstock.loans.received")
        for record in deployment.log.records_of(partition)
    ]
    headers = dict(raw.headers)
    assert trace.encode() in headers["traceparent"]
    assert b"00f067aa0ba902b7" not in headers["traceparent"]
    metrics = deployment.metrics_of_http()
    assert b'route="/v1/streams/{stream}/predict",status="200"} 1.0' in metrics


async def test_the_package_decides_which_class_is_answered(deployment: Any, registry: Any) -> None:
    model, rows = registry.trained()
    ruled = replace(model, decision_costs=((0.0, 1e6), (1.0, 0.0)))
    await deployment.serve_epoch(registry.epoch(1, ruled, rows))
    response = await _post(deployment, deployment.event(3, income=5.0))
    answer = response.json()
    assert (answer["value"], answer["probabilities"]["yes"] > 0.5) == ("no", True)
    frame = Frame({"income": np.array([5.0]), "region": column("category", ["n"])}, times([None]))
    expected = ruled.predict(frame)
    assert expected.probabilities is not None
    assert [answer["value"]] == expected.values
    assert list(answer["probabilities"].values()) == pytest.approx(expected.probabilities[0].tolist(), abs=1e-3)
