"""The Open Inference Protocol, version 2: the same predictions by the same way, tensors instead of events."""

from __future__ import annotations

import json
from struct import pack
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from penstock.contracts.codecs.sealed_answer import decode_answer, split_answer
from penstock.contracts.topics import RECEIVED
from penstock.server.web.tensor_bytes import FLOATS, INTEGERS, decode_values, encode_values

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
    prediction, probabilities, ids = response["outputs"]
    assert prediction == {"name": "prediction", "datatype": "BYTES", "shape": [2], "data": ["yes", "no"]}
    assert (probabilities["datatype"], probabilities["shape"]) == ("FP64", [2, 2])

    events = {event.id: event for event in deployment.records(RECEIVED, "loans")}
    assert (ids["name"], len(events)) == ("event_id", 2)
    logged = [decode_answer(split_answer(event.answer)[1]) for event in map(events.get, ids["data"])]
    assert [data.value for data in logged] == prediction["data"]
    assert [p for data in logged for p in data.probabilities] == probabilities["data"]
    async with deployment.client() as client:
        own = await client.post(
            "/v1/streams/loans/predict", json={"data": {"person": "p1", "income": 5, "region": "n"}}
        )
    assert list(own.json()["probabilities"].values()) == probabilities["data"][:2]


async def test_every_row_is_an_event_of_its_own_whatever_ids_requests_have(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    person = tensor("person", "p1", datatype="BYTES")
    answers = [(await _post(deployment, {"inputs": [person], **named})).json() for named in ({"id": "1"},) * 2 + ({},)]
    assert [answer["id"] == "1" for answer in answers] == [True, True, False]
    ids = [output["data"][0] for answer in answers for output in answer["outputs"] if output["name"] == "event_id"]
    assert len(set(ids)) == 3
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
    "an unknown datatype": ({"inputs": [tensor("income", 1, datatype="BF16")]}, 422, "unknown_category"),
    "an INT8 that is none": ({"inputs": [PERSON, tensor("income", 1, 200, datatype="INT8")]}, 422, "wrong_type"),
    "shared memory": ({"inputs": [{**PERSON, "parameters": {"shared_memory_region": "m"}}]}, 422, "out_of_range"),
    "classes as text": (
        {"inputs": [PERSON], "outputs": [{"name": "prediction", "parameters": {"classification": 1}}]},
        422,
        "out_of_range",
    ),
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


def in_binary(body: dict[str, Any], values: dict[str, bytes]) -> tuple[bytes, dict[str, str]]:
    """The request with the values of some inputs behind the JSON, and its headers."""
    inputs = [
        {key: value for key, value in one.items() if key != "data"}
        | {"parameters": {"binary_data_size": len(values[one["name"]])}}
        if one["name"] in values
        else one
        for one in body["inputs"]
    ]
    document = json.dumps({**body, "inputs": inputs}).encode()
    data = b"".join(values[one["name"]] for one in inputs if one["name"] in values)
    return document + data, {"inference-header-content-length": str(len(document)), "content-type": ""}


async def test_values_in_binary_are_those_in_json(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(1, *registry.trained()))
    body = {"inputs": [PERSON, INCOME, REGION]}
    binary, headers = in_binary(body, {"person": encode_values("BYTES", ["p1", "p2"]), "income": pack("<2d", 5, 90)})
    wanted = {"parameters": {"binary_data_output": True}}
    plain, sent = await _post(deployment, body), await _post(deployment, binary, **headers)
    both, headers = in_binary({**body, **wanted}, {"income": pack("<2d", 5, 90)})
    received = await _post(deployment, both, **headers)
    assert plain.json()["outputs"][:2] == sent.json()["outputs"][:2]

    json_bytes = int(received.headers["inference-header-content-length"])
    outputs, position = json.loads(received.content[:json_bytes])["outputs"], json_bytes
    for output, expected in zip(outputs[:2], plain.json()["outputs"], strict=False):
        size = output["parameters"]["binary_data_size"]
        values = decode_values(output["datatype"], received.content[position : position + size])
        assert (output["name"], values) == (expected["name"], expected["data"])
        position += size


@pytest.mark.parametrize("datatype", [*INTEGERS, *FLOATS])
def test_values_of_every_datatype_are_read_as_they_were_written(datatype: Any) -> None:
    values = [0, 1, 100]
    assert decode_values(datatype, encode_values(datatype, values)) == values


def test_what_is_no_number_is_missing() -> None:
    assert decode_values("FP32", pack("<2f", float("nan"), 0.5)) == [None, 0.5]


_BAD_BINARY: dict[str, tuple[bytes, str, int, str]] = {
    "half a number": (b"1234", "5", 422, "wrong_type"),
    "bytes that nobody names": (pack("<3d", 1, 2, 3), "16", 422, "out_of_range"),
    "bytes cut off": (pack("<d", 1), "16", 422, "out_of_range"),
    "infinity": (pack("<2d", 1, float("inf")), "16", 422, "not_finite"),
    "a negative size": (pack("<2d", 1, 2), "-16", 422, "wrong_type"),
}


@pytest.mark.parametrize("case", _BAD_BINARY)
async def test_bytes_that_are_no_values_are_refused(deployment: Any, registry: Any, case: str) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    data, size, status, code = _BAD_BINARY[case]
    size = str(len(data)) if case == "half a number" else size
    income = {"name": "income", "shape": [2], "datatype": "FP64", "parameters": {"binary_data_size": int(size)}}
    document = json.dumps({"inputs": [PERSON, income]}).encode()
    headers = {"inference-header-content-length": str(len(document))}
    response = await _post(deployment, document + data, **headers)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert deployment.records(RECEIVED, "loans") == []


@pytest.mark.parametrize("length", ["-1", "x", "99999999", "9" * 5000])
async def test_a_length_that_is_none_is_refused(deployment: Any, registry: Any, length: str) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    response = await _post(deployment, {"inputs": [PERSON]}, **{"inference-header-content-length": length})
    assert (response.status_code, response.json()["code"]) == (400, "malformed")


async def test_only_the_version_that_serves_is_there(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(1, *registry.trained()))
    async with deployment.client() as client:
        unknown = await client.post("/v2/models/other/infer", content=b"{}", headers=JSON)
        infer = [
            await client.post(f"/v2/models/loans/versions/{version}/infer", content=json.dumps({"inputs": [PERSON]}))
            for version in ("1", "2")
        ]
        ready = [await client.get(f"/v2/models/loans/versions/{version}/ready") for version in ("1", "x")]
    assert unknown.status_code == 404
    assert [(one.status_code, one.json().get("code")) for one in infer] == [(200, None), (404, "unknown_version")]
    assert [one.status_code for one in ready] == [200, 404]


async def test_health_and_metadata(deployment: Any, registry: Any) -> None:
    async with deployment.client() as client:
        early = await client.get("/v2/models/loans/ready")
        await deployment.serve_epoch(registry.epoch(1, *registry.trained()))
        paths = ("/v2/health/live", "/v2/health/ready", "/v2/models/loans/ready", "/v2/models/loans", "/v2")
        live, ready, model_ready, model, server = [await client.get(path) for path in paths]
    assert (early.status_code, early.json()["code"]) == (503, "no_model")
    assert (live.json(), ready.json()) == ({"live": True}, {"ready": True})
    assert server.json() == {"name": "penstock", "version": ANY, "extensions": ["binary_tensor_data"]}
    assert model_ready.json() == {"name": "loans", "ready": True}
    assert [(i["name"], i["datatype"], i["shape"]) for i in model.json()["inputs"]] == [
        ("person", "BYTES", [-1]),
        ("income", "FP64", [-1]),
        ("region", "BYTES", [-1]),
    ]
    assert [(o["name"], o["shape"]) for o in model.json()["outputs"]] == [
        ("prediction", [-1]),
        ("probabilities", [-1, 2]),
        ("event_id", [-1]),
    ]
    assert (model.json()["versions"], model.json()["parameters"]["classes"]) == (["1"], ["no", "yes"])
