"""The Open Inference Protocol, version 2: the same predictions by the same way, tensors instead of events."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from penstock.contracts.codecs.sealed_answer import decode_answer, split_answer
from penstock.contracts.topics import RECEIVED

INFER = "/v2/models/loans/infer"
JSON = {"content-type": "application/json"}


def tensor(name: str, *data: Any, datatype: str = "FP64", shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": list(data)}


PERSON = tensor("person", "p1", "p2", datatype="BYTES")
INCOME = tensor("income", 5.0, 90)
REGION = tensor("region", ["n"], ["s"], datatype="BYTES", shape=[2, 1])


async def _post(deployment: Any, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with deployment.client() as client:
        return await client.post(INFER, content=content, headers={**JSON, **headers})


async def test_rows_are_predicted_like_events_and_are_on_the_log(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(1, *registry.trained()))
    response = (await _post(deployment, {"id": "r", "inputs": [PERSON, INCOME, REGION]})).json()

    assert (response["model_name"], response["model_version"], response["id"]) == ("loans", "1", "r")
    assert (response["parameters"]["epoch"], response["parameters"]["mode"]) == (1, "durable")
    prediction, probabilities = response["outputs"]
    assert prediction == {"name": "prediction", "datatype": "BYTES", "shape": [2], "data": ["yes", "no"]}
    assert (probabilities["datatype"], probabilities["shape"]) == ("FP64", [2, 2])

    events = sorted(deployment.records(RECEIVED, "loans"), key=lambda event: event.id)
    assert [event.id for event in events] == ["r-0", "r-1"]
    logged = [decode_answer(split_answer(event.answer)[1]) for event in events]
    assert [data.value for data in logged] == prediction["data"]
    assert [p for data in logged for p in data.probabilities] == probabilities["data"]
    async with deployment.client() as client:
        own = await client.post(
            "/v1/streams/loans/predict", json={"data": {"person": "p1", "income": 5, "region": "n"}}
        )
    assert list(own.json()["probabilities"].values()) == probabilities["data"][:2]


async def test_one_row_has_the_requests_id_or_a_new_one(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    person = tensor("person", "p1", datatype="BYTES")
    ids = [(await _post(deployment, {"id": "q", "inputs": [person]})).json()["id"]]
    ids += [(await _post(deployment, {"inputs": [person]})).json()["id"]]
    assert ids[0] == "q"
    assert {event.id for event in deployment.records(RECEIVED, "loans")} == set(ids)


async def test_the_response_has_only_the_requested_outputs(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    response = await _post(deployment, {"inputs": [PERSON], "outputs": [{"name": "probabilities"}]})
    assert [output["name"] for output in response.json()["outputs"]] == ["probabilities"]


async def test_an_output_that_is_named_twice_is_answered_once(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    twice = [{"name": "prediction"}, {"name": "probabilities"}, {"name": "prediction"}]
    response = await _post(deployment, {"inputs": [PERSON], "outputs": twice})
    assert response.status_code == 200
    assert [output["name"] for output in response.json()["outputs"]] == ["prediction", "probabilities"]


_BAD_REQUESTS: dict[str, tuple[Any, int, str]] = {
    "no JSON": (b"{", 400, "malformed"),
    "NaN": (b'{"inputs": [{"name": "income", "shape": [1], "datatype": "FP64", "data": [NaN]}]}', 422, "not_finite"),
    "a key twice": (b'{"inputs": [], "inputs": []}', 400, "duplicate_key"),
    "no inputs": ({}, 422, "missing_field"),
    "no rows": ({"inputs": []}, 422, "out_of_range"),
    "an input twice": ({"inputs": [PERSON, PERSON]}, 400, "duplicate_key"),
    "an unknown field": ({"inputs": [PERSON, tensor("colour", 1, 2)]}, 422, "extra_field"),
    "a required field left out": ({"inputs": [INCOME]}, 422, "missing_field"),
    "an unknown datatype": ({"inputs": [tensor("income", 1, datatype="FP16")]}, 422, "unknown_category"),
    "text as a number": ({"inputs": [PERSON, tensor("income", "1", "2")]}, 422, "wrong_type"),
    "text for a number": ({"inputs": [PERSON, tensor("income", "1", "2", datatype="BYTES")]}, 422, "wrong_type"),
    "a fraction as INT64": ({"inputs": [PERSON, tensor("income", 1.5, 2, datatype="INT64")]}, 422, "wrong_type"),
    "a bool as a number": ({"inputs": [PERSON, tensor("income", True, 2)]}, 422, "wrong_type"),
    "fewer values than rows": ({"inputs": [PERSON, tensor("income", 1, shape=[2])]}, 422, "out_of_range"),
    "other lengths": ({"inputs": [PERSON, tensor("income", 1)]}, 422, "out_of_range"),
    "a matrix": ({"inputs": [tensor("income", 1, 2, shape=[1, 2])]}, 422, "out_of_range"),
    "below nothing": ({"inputs": [tensor("income", shape=[-1])]}, 422, "out_of_range"),
    "an unknown output": ({"inputs": [PERSON], "outputs": [{"name": "x"}]}, 422, "out_of_range"),
    "an empty id": ({"id": "", "inputs": [PERSON]}, 422, "bad_id"),
    "a path as id": ({"id": "../../etc/passwd", "inputs": [PERSON]}, 422, "bad_id"),
    "one row out of range": ({"inputs": [PERSON, tensor("income", 1, -1)]}, 422, "out_of_range"),
}


@pytest.mark.parametrize("case", _BAD_REQUESTS)
async def test_a_bad_request_is_refused_whole_and_nothing_is_logged(deployment: Any, registry: Any, case: str) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    body, status, code = _BAD_REQUESTS[case]
    response = await _post(deployment, body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["error"].startswith(code)
    assert "passwd" not in response.text
    assert deployment.records(RECEIVED, "loans") == []


async def test_binary_tensors_and_unknown_models_have_their_own_status(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    binary = await _post(deployment, {"inputs": [PERSON]}, **{"inference-header-content-length": "10"})
    async with deployment.client() as client:
        unknown = await client.post("/v2/models/other/infer", content=b"{}", headers=JSON)
    assert (binary.status_code, unknown.status_code) == (415, 404)


async def test_health_and_metadata(deployment: Any, registry: Any) -> None:
    async with deployment.client() as client:
        early = await client.get("/v2/models/loans/ready")
        await deployment.serve_epoch(registry.epoch(1, *registry.trained()))
        paths = ("/v2/health/live", "/v2/health/ready", "/v2/models/loans/ready", "/v2/models/loans")
        live, ready, model_ready, model = [await client.get(path) for path in paths]
    assert (early.status_code, early.json()["code"]) == (503, "no_model")
    assert (live.json(), ready.json()) == ({"live": True}, {"ready": True})
    assert model_ready.json() == {"name": "loans", "ready": True}
    assert [(i["name"], i["datatype"], i["shape"]) for i in model.json()["inputs"]] == [
        ("person", "BYTES", [-1]),
        ("income", "FP64", [-1]),
        ("region", "BYTES", [-1]),
    ]
    assert [(o["name"], o["shape"]) for o in model.json()["outputs"]] == [
        ("prediction", [-1]),
        ("probabilities", [-1, 2]),
    ]
    assert (model.json()["versions"], model.json()["parameters"]["classes"]) == (["1"], ["no", "yes"])
