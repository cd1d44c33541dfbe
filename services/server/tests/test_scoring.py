"""The stream scorer on the memory bus, with real models that are packed, signed, verified and swapped."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.bus.errors import TransientError
from penstock.contracts.records.predictions import PredictionData, encode_answer, join_answer
from penstock.contracts.topics import MODELS, STREAMS


async def test_every_event_is_answered_on_its_partition_and_says_by_what(deployment: Any, shop: Any) -> None:
    record = shop.epoch(0)
    await deployment.serve(record)
    await deployment.events([deployment.event(number) for number in range(20)])
    await deployment.settle()
    predictions = deployment.predictions()
    assert {p.id for p in predictions} == {f"e{number}" for number in range(20)}
    first = predictions[0]
    assert first.source == "test#prediction"
    assert (first.data.value, first.data.probabilities) == ("no", [1.0, 0.0])
    assert (first.data.epoch, first.data.digest, first.data.schema) == (0, record.champion.digest, 1)
    assert first.data.baseline
    assert first.data.route == "stream"
    assert all(p.data.entity == f"p{int(p.id[1:]) % 7}" for p in predictions)
    events = [deployment.log.held(place) for place in deployment.log.places_of("penstock.loans.events")]
    answers = [deployment.log.held(place) for place in deployment.log.places_of("penstock.loans.predictions")]
    assert [[r.key for r in place] for place in answers] == [[r.key for r in place] for place in events]


async def test_nothing_is_answered_before_there_is_a_model(deployment: Any, shop: Any) -> None:
    await deployment.events([deployment.event(1)])
    with pytest.raises(TransientError, match="no model serves loans"):
        await deployment.settle()
    await deployment.say(MODELS, shop.epoch(0))
    await deployment.restart_stream()
    await deployment.settle()
    assert [p.id for p in deployment.predictions()] == ["e1"]


async def test_models_are_swapped_between_batches_and_epochs_never_fall(deployment: Any, shop: Any) -> None:
    await deployment.serve(shop.epoch(0))
    for epoch in range(1, 6):
        await deployment.events([deployment.event(number) for number in range(epoch * 10, epoch * 10 + 10)])
        await deployment.settle()
        await deployment.serve(shop.epoch(epoch, *shop.trained(threshold=10.0 * epoch)))
    await deployment.announce(shop.epoch(3, *shop.trained()))
    await deployment.events([deployment.event(99)])
    await deployment.settle()
    predictions = deployment.predictions()
    assert len({p.id for p in predictions}) == len(predictions) == 51
    for person in range(7):
        epochs = [p.data.epoch for p in predictions if p.data.entity == f"p{person}"]
        assert epochs == sorted(epochs)
    assert next(p for p in predictions if p.id == "e99").data.epoch == 5


async def test_a_model_heard_of_is_loaded_before_the_next_event_is_answered(deployment: Any, shop: Any) -> None:
    await deployment.serve(shop.epoch(0))
    await deployment.announce(shop.epoch(1, *shop.trained()))
    await deployment.events([deployment.event(1, income=5.0), deployment.event(2, income=95.0)])
    await deployment.settle()
    assert {p.id: (p.data.epoch, p.data.value) for p in deployment.predictions()} == {"e1": (1, "yes"), "e2": (1, "no")}


async def test_an_answer_given_over_http_is_recorded_and_not_given_anew(deployment: Any, shop: Any) -> None:
    await deployment.serve(shop.epoch(0))
    given = PredictionData(
        value="yes", model="loans", version=9, digest="d", epoch=9, schema=1, code="0", route="http", entity="p1"
    )
    answer = join_answer("00" * 32, encode_answer(given))
    await deployment.events(
        [deployment.event(1, answer=answer), deployment.event(8), deployment.event(15, answer=answer)]
    )
    await deployment.settle()
    found = {p.id: p.data for p in deployment.predictions()}
    assert found["e1"] == found["e15"] == given
    assert (found["e8"].epoch, found["e8"].route) == (0, "stream")


async def test_repeated_work_is_the_same_to_the_byte(deployment: Any, shop: Any) -> None:
    await deployment.serve(shop.epoch(0))
    await deployment.events([deployment.event(number) for number in range(10)])
    await deployment.settle()
    places = deployment.log.places_of("penstock.loans.predictions")
    before = {place: [record.value for record in deployment.log.held(place)] for place in places}
    await deployment.restart_stream()
    deployment.log.commits("server").clear()
    await deployment.settle()
    for place in places:
        assert [record.value for record in deployment.log.held(place)] == before[place] * 2


async def test_a_model_waits_for_the_declaration_it_was_trained_under(deployment: Any, shop: Any) -> None:
    await deployment.serve(shop.epoch(0))
    await deployment.announce(shop.epoch(1, *shop.trained(), schema_version=2))
    await deployment.events([deployment.event(1)])
    await deployment.settle()
    assert deployment.health()[0]["waiting"]["loans"]["epoch"] == 1
    await deployment.say(STREAMS, deployment.declared(2))
    await deployment.events([deployment.event(2)])
    await deployment.settle()
    assert {p.id: p.data.epoch for p in deployment.predictions()} == {"e1": 0, "e2": 1}
