"""The stream scorer on the memory bus, with real models that are packed, signed, verified and swapped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock.bus.errors import TransientError
from penstock.contracts.codecs.sealed_answer import encode_answer, join_answer
from penstock.contracts.records.predictions import PredictionData
from penstock.contracts.topics import MODELS, STREAMS


async def test_every_event_is_predicted_on_its_partition_and_says_by_which_model(
    deployment: Any, registry: Any
) -> None:
    record = registry.epoch(0)
    await deployment.serve_epoch(record)
    await deployment.publish_events([deployment.event(number) for number in range(20)])
    await deployment.run_until_quiet()
    predictions = deployment.predictions()
    assert {p.id for p in predictions} == {f"e{number}" for number in range(20)}
    first = predictions[0]
    assert first.source == "test#prediction"
    assert (first.data.value, first.data.probabilities) == ("no", [1.0, 0.0])
    assert (first.data.epoch, first.data.digest, first.data.schema) == (0, record.champion.digest, 1)
    assert first.data.baseline
    assert first.data.route == "stream"
    assert all(p.data.entity == f"p{int(p.id[1:]) % 7}" for p in predictions)
    events = [
        deployment.log.records_of(partition) for partition in deployment.log.partitions_of("penstock.loans.events")
    ]
    results = [deployment.log.records_of(name) for name in deployment.log.partitions_of("penstock.loans.predictions")]
    assert [[r.key for r in partition] for partition in results] == [[r.key for r in partition] for partition in events]


async def test_the_prediction_of_an_awaited_event_names_its_operation(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    history = deployment.event(0) | {"label": "yes"}
    events = [history, *(deployment.event(number) for number in range(1, 6))]
    headers = {index: (("penstock-operation", b"operation of e%d" % index),) for index in (0, 2, 5)}
    await deployment.publish_events(events, headers)
    await deployment.run_until_quiet()
    records = [
        record
        for name in deployment.log.partitions_of("penstock.loans.predictions")
        for record in deployment.log.records_of(name)
    ]
    named = {json.loads(record.value)["id"]: [value for _, value in record.headers] for record in records}
    assert named == {"e1": [], "e2": [b"operation of e2"], "e3": [], "e4": [], "e5": [b"operation of e5"]}


async def test_nothing_is_predicted_before_there_is_a_model(deployment: Any, registry: Any) -> None:
    await deployment.publish_events([deployment.event(1)])
    with pytest.raises(TransientError, match="no model serves loans"):
        await deployment.run_until_quiet()
    await deployment.publish(MODELS, registry.epoch(0))
    await deployment.restart_stream()
    await deployment.run_until_quiet()
    assert [p.id for p in deployment.predictions()] == ["e1"]


async def test_models_are_swapped_between_batches_and_epochs_never_fall(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    for epoch in range(1, 6):
        await deployment.publish_events([deployment.event(number) for number in range(epoch * 10, epoch * 10 + 10)])
        await deployment.run_until_quiet()
        await deployment.serve_epoch(registry.epoch(epoch, *registry.trained(threshold=10.0 * epoch)))
    await deployment.publish_epoch(registry.epoch(3, *registry.trained()))
    await deployment.publish_events([deployment.event(99)])
    await deployment.run_until_quiet()
    predictions = deployment.predictions()
    assert len({p.id for p in predictions}) == len(predictions) == 51
    for person in range(7):
        epochs = [p.data.epoch for p in predictions if p.data.entity == f"p{person}"]
        assert epochs == sorted(epochs)
    assert next(p for p in predictions if p.id == "e99").data.epoch == 5


async def test_a_new_model_is_loaded_before_the_next_event_is_predicted(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    await deployment.publish_epoch(registry.epoch(1, *registry.trained()))
    await deployment.publish_events([deployment.event(1, income=5.0), deployment.event(2, income=95.0)])
    await deployment.run_until_quiet()
    assert {p.id: (p.data.epoch, p.data.value) for p in deployment.predictions()} == {"e1": (1, "yes"), "e2": (1, "no")}


async def test_an_answer_of_http_is_recorded_and_not_predicted_again(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    answer = PredictionData(
        value="yes", model="loans", version=9, digest="d", epoch=9, schema=1, code="0", route="http", entity="p1"
    )
    sealed = join_answer("00" * 32, encode_answer(answer))
    await deployment.publish_events(
        [deployment.event(1, answer=sealed), deployment.event(8), deployment.event(15, answer=sealed)]
    )
    await deployment.run_until_quiet()
    predictions = {p.id: p.data for p in deployment.predictions()}
    assert predictions["e1"] == predictions["e15"] == answer
    assert (predictions["e8"].epoch, predictions["e8"].route) == (0, "stream")


async def test_repeated_work_is_the_same_to_the_byte(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    await deployment.publish_events([deployment.event(number) for number in range(10)])
    await deployment.run_until_quiet()
    partitions = deployment.log.partitions_of("penstock.loans.predictions")
    before = {name: [record.value for record in deployment.log.records_of(name)] for name in partitions}
    await deployment.restart_stream()
    deployment.log.commits("server").clear()
    await deployment.run_until_quiet()
    for name in partitions:
        assert [record.value for record in deployment.log.records_of(name)] == before[name] * 2


async def test_a_model_waits_for_the_declaration_it_was_trained_under(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    await deployment.publish_epoch(registry.epoch(1, *registry.trained(), schema_version=2))
    await deployment.publish_events([deployment.event(1)])
    await deployment.run_until_quiet()
    assert deployment.health()[0]["waiting"]["loans"]["epoch"] == 1
    await deployment.publish(STREAMS, deployment.declared(2))
    await deployment.publish_events([deployment.event(2)])
    await deployment.run_until_quiet()
    assert {p.id: p.data.epoch for p in deployment.predictions()} == {"e1": 0, "e2": 1}
