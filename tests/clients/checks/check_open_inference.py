"""Triton's and KServe's own clients of the Open Inference Protocol get what Penstock's own route answers."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

SERVER, STREAM = os.environ["SERVER"], os.environ["STREAM"]
VALUES = [-1.5, 0.25, 2.0, float("nan")]


def ask(path: str, body: Any = None) -> Any:
    """Penstock's answer, by the standard library."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{SERVER}{path}", data, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


@pytest.fixture(scope="module")
def expected() -> list[dict[str, Any]]:
    events = [{"data": {"x": None if np.isnan(value) else value}} for value in VALUES]
    return ask(f"/v1/streams/{STREAM}/predict", events)


@pytest.fixture
def client() -> triton.InferenceServerClient:
    return triton.InferenceServerClient(SERVER.removeprefix("http://"))


def test_triton_finds_server_and_model(client: triton.InferenceServerClient) -> None:
    version = ask(f"/v1/streams/{STREAM}/model")["model"]["version"]
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.get_server_metadata()["name"] == "penstock"
    assert client.is_model_ready(STREAM, str(version))
    assert not client.is_model_ready(STREAM, "999")
    assert client.get_model_metadata(STREAM)["inputs"] == [{"name": "x", "datatype": "FP64", "shape": [-1]}]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
@pytest.mark.parametrize("outputs_in_binary", [True, False])
def test_triton_is_answered_right_in_binary(
    client: triton.InferenceServerClient,
    expected: list[dict[str, Any]],
    dtype: str,
    shape: tuple[int, ...],
    outputs_in_binary: bool,
) -> None:
    values = np.array(VALUES, dtype).reshape(shape)
    tensor = triton.InferInput("x", list(shape), {"float64": "FP64", "float32": "FP32", "float16": "FP16"}[dtype])
    tensor.set_data_from_numpy(values)
    wanted = [
        triton.InferRequestedOutput(name, binary_data=outputs_in_binary)
        for name in ("prediction", "probabilities", "event_id")
    ]
    result = client.infer(STREAM, [tensor], outputs=wanted, request_id="1")
    predictions = [value.decode() if isinstance(value, bytes) else value for value in result.as_numpy("prediction")]
    assert predictions == [answer["value"] for answer in expected]
    probabilities = [list(answer["probabilities"].values()) for answer in expected]
    np.testing.assert_array_equal(result.as_numpy("probabilities"), probabilities)
    assert result.get_response()["id"] == "1"
    assert len(set(result.as_numpy("event_id").tolist())) == len(VALUES)


def test_triton_is_answered_right_in_json_and_without_naming_outputs(
    client: triton.InferenceServerClient, expected: list[dict[str, Any]]
) -> None:
    tensor = triton.InferInput("x", [2], "FP64")
    tensor.set_data_from_numpy(np.array(VALUES[:2]), binary_data=False)
    result = client.infer(STREAM, [tensor])
    assert [value.decode() for value in result.as_numpy("prediction")] == [one["value"] for one in expected[:2]]


def test_triton_is_told_in_words_what_is_not_read(client: triton.InferenceServerClient) -> None:
    tensor = triton.InferInput("x", [1], "FP64")
    tensor.set_data_from_numpy(np.array([1.0]))
    tensor._datatype = "BF16"  # as a client with ml_dtypes sends it
    with pytest.raises(triton.InferenceServerException, match="the datatype BF16 is not read"):
        client.infer(STREAM, [tensor])
    shared = triton.InferInput("x", [1], "FP64")
    shared.set_shared_memory("region", 8)
    with pytest.raises(triton.InferenceServerException, match="shared memory is not read"):
        client.infer(STREAM, [shared])


@pytest.mark.parametrize("in_binary", [True, False])
async def test_kserve_is_answered_right(expected: list[dict[str, Any]], in_binary: bool) -> None:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    tensor = InferInput("x", [4], "FP64")
    tensor.set_data_from_numpy(np.array(VALUES) if in_binary else np.array([*VALUES[:3], 0.0]), binary_data=in_binary)
    response = await client.infer(SERVER, InferRequest(STREAM, [tensor]), model_name=STREAM)
    outputs = {output.name: output.as_numpy() for output in response.outputs}
    known = 4 if in_binary else 3
    predictions = [value.decode() if isinstance(value, bytes) else value for value in outputs["prediction"]]
    assert predictions[:known] == [answer["value"] for answer in expected[:known]]
    assert await client.is_server_ready(SERVER)
    assert await client.is_model_ready(SERVER, STREAM)
    await client.close()
