"""Large requests: so many rows, bytes and values in one turn of the event loop, and the same answer as ever."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.codecs.duplicate_keys import has_duplicate_key
from penstock.contracts.topics import RECEIVED
from penstock.server.scoring import predict_request, row_slices
from penstock.server.scoring.batch_predictor import BatchPredictor
from penstock.server.scoring.row_slices import CELLS, ROWS, encode_in_turns, rows_at_a_time
from penstock.server.web import tensor_data
from penstock.server.web.open_inference_requests import MOST_TENSORS
from penstock.server.web.tensor_data import encode_values, names_a_key_twice

PREDICT, INFER = "/v1/streams/loans/predict", "/v2/models/loans/infer"

anything = st.recursive(
    st.none() | st.integers() | st.text('a"\\{:', max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('k"\\:', max_size=2), inner, max_size=4),
    max_leaves=12,
)


async def _post(deployment: Any, path: str, body: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with deployment.client() as client:
        return await client.post(path, content=content, headers={"content-type": "application/json"})


def test_a_turn_has_so_many_cells_and_at_least_a_row() -> None:
    assert all(rows_at_a_time(cells) * cells <= CELLS for cells in range(1, CELLS, 999))
    assert (rows_at_a_time(0), rows_at_a_time(CELLS + 1)) == (ROWS, 1)


async def test_a_large_request_is_checked_predicted_and_sealed_in_slices_under_one_epoch(
    deployment: Any, registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_slices, "ROWS", 3)
    monkeypatch.setattr(row_slices, "TURN_BYTES", 1)
    await deployment.serve_epoch(registry.epoch(0))
    checked, predicted = [], []
    check, predict = predict_request.check_events, BatchPredictor.predict

    def check_events(declaration: Any, events: Any, now: Any) -> Any:
        checked.append(len(events))
        return check(declaration, events, now)

    async def predict_events(self: Any, declared: Any, serving: Any, events: Any) -> Any:
        if not predicted:
            await deployment.serve_epoch(registry.epoch(1, *registry.trained()))
        predicted.append(len(events))
        return await predict(self, declared, serving, events)

    monkeypatch.setattr(predict_request, "check_events", check_events)
    monkeypatch.setattr(BatchPredictor, "predict", predict_events)
    events = [deployment.event(number, income=-1.0 if number == 4 else 10.0) for number in range(10)]
    answers = (await _post(deployment, PREDICT, events)).json()

    assert (checked, predicted) == ([3, 3, 3, 1], [3, 3, 3])
    assert [answer["id"] for answer in answers] == [event["id"] for event in events]
    assert answers[4]["code"] == "out_of_range"
    assert {answer["epoch"] for answer in answers if "epoch" in answer} == {0}
    assert len(deployment.records(RECEIVED, "loans")) == 9


async def test_others_have_their_turn_while_much_is_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_slices, "TURN_BYTES", 10)
    encoded: list[int] = []
    turns: list[int] = []

    async def take_turns() -> None:
        while True:
            turns.append(len(encoded))
            await asyncio.sleep(0)

    def encode(number: int) -> bytes:
        encoded.append(number)
        return b"12345"

    other = asyncio.create_task(take_turns())
    assert await encode_in_turns(range(9), encode) == [b"12345"] * 9
    other.cancel()
    assert turns == [3, 6]


async def test_a_large_answer_is_the_same_json(deployment: Any, registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    events = [deployment.event(number, income=number - 2.0) for number in range(7)]
    whole = await _post(deployment, PREDICT, events)
    monkeypatch.setattr(row_slices, "TURN_BYTES", 1)
    monkeypatch.setattr(row_slices, "ROWS", 1)
    assert (await _post(deployment, PREDICT, events)).content == whole.content


async def test_an_event_of_too_many_values_is_refused(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    large = {**deployment.event(1), "ext": [[]] * 100_000}
    answers = (await _post(deployment, PREDICT, [deployment.event(0), large])).json()
    assert (answers[0]["id"], answers[1]["code"]) == ("e0", "too_large")


def _tensor(name: str, datatype: str, data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": data}


async def test_a_large_request_of_tensors_is_answered_like_a_small_one(
    deployment: Any, registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deployment.serve_epoch(registry.epoch(1, *registry.trained()))
    people = _tensor("person", "BYTES", ["p1"] * 20)
    wanted = [{"name": "prediction"}, {"name": "probabilities"}]  # the ids of events are new each time
    body = {"id": "r", "inputs": [people, _tensor("income", "FP64", list(range(20)))], "outputs": wanted}
    small = await _post(deployment, INFER, body)
    monkeypatch.setattr("penstock.server.web.open_inference_routes.DOCUMENT_BYTES", 1)
    monkeypatch.setattr(tensor_data, "PIECE_BYTES", 1)
    monkeypatch.setattr(tensor_data, "PIECE_VALUES", 3)
    monkeypatch.setattr(row_slices, "ROWS", 3)
    assert (await _post(deployment, INFER, body)).content == small.content


@pytest.mark.parametrize(
    ("inputs", "status", "code"),
    [
        ([_tensor("income", "FP64", [1.5] * 20_002)], 422, "out_of_range"),
        ([{"name": "", "datatype": "FP64", "shape": [], "data": []}] * (MOST_TENSORS + 1), 413, "too_large"),
    ],
    ids=["values", "tensors"],
)
async def test_too_many_tensors_or_values_of_one_are_not_decoded(
    deployment: Any, registry: Any, inputs: list[Any], status: int, code: str
) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    response = await _post(deployment, INFER, {"inputs": inputs})
    assert (response.status_code, response.json()["code"]) == (status, code)


@given(anything, st.sampled_from([b"", b',{"a":1,"a":2}']))
def test_keys_are_counted_in_pieces_as_in_one_go(value: Any, twice: bytes) -> None:
    body = b"[%b%b]" % (json.dumps(value).encode(), twice)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensor_data, "PIECE_BYTES", 4)
        patch.setattr(tensor_data, "MAX_DEPTH", 100)
        assert names_a_key_twice(body) == has_duplicate_key(body, json.loads(body))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.text()))
def test_values_are_encoded_in_pieces_as_in_one_go(values: list[Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensor_data, "PIECE_VALUES", 2)
        assert json.loads(bytes(encode_values(values))) == values
