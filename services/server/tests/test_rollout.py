"""Rollouts in the server: shares, shadows, and the circuit breaker that takes a failing challenger out at once."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from penstock.artifacts import digest_of
from penstock.contracts.codecs.sealed_answer import decode_answer, split_answer
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import Challenger, ModelEpoch, ModelVersion, RolloutMode, RolloutStep
from penstock.contracts.topics import ALERTS, RECEIVED
from penstock.server.models.arm_loader import ArmLoader
from penstock.server.models.circuit_breaker import MAX_FAILURES
from penstock.server.models.local_copy import LocalModelCopies
from penstock.server.models.model_loader import ModelLoader
from penstock.server.scoring.arm_outputs import arm_outputs, drawn_arms
from penstock.server.scoring.model_inputs import ModelInputs
from penstock.server.scoring.shadow_answers import PAIRED_ROWS, shadow_answers
from penstock.server.scoring.traffic_split import draw_arms

PREDICT = "/v1/streams/loans/predict"
JSON = {"content-type": "application/json"}
CHAMPION_YES_BELOW, CHALLENGER_YES_BELOW = 60.0, 20.0


def rollout_epoch(
    registry: Any, epoch: int, share: float, mode: RolloutMode = "canary", challenger: ModelVersion | None = None
) -> ModelEpoch:
    """The champion of epoch 1, which answers yes below 60, beside a challenger that answers yes below 20."""
    record = registry.epoch(1, *registry.trained(threshold=CHAMPION_YES_BELOW)).model_copy(
        update={"epoch": epoch, "id": f"t{epoch}"}
    )
    challenger = challenger or registry.epoch(2, *registry.trained(threshold=CHALLENGER_YES_BELOW)).champion
    rollout = RolloutStep(id="a rollout", mode=mode, challengers=(Challenger(model=challenger, share=share),))
    return record.model_copy(update={"rollout": rollout})


@given(st.lists(st.text(), min_size=1, max_size=200), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_share_that_grows_takes_keys_in_and_gives_none_up(keys: list[str], share: float, more: float) -> None:
    version = ModelVersion(name="m", version=1, family="linear", digest="d", envelope={}, schema_version=1)

    def arms(share: float) -> list[int]:
        challengers = (Challenger(model=version, share=share),)
        return draw_arms(RolloutStep(id="t", mode="canary", challengers=challengers), keys).tolist()

    assert all(now >= before for before, now in zip(arms(share), arms(share + more), strict=True))
    assert set(arms(0.0)) == {0}
    assert set(arms(1.0)) == {1}


def test_arms_get_their_shares() -> None:
    version = ModelVersion(name="m", version=1, family="linear", digest="d", envelope={}, schema_version=1)
    challengers = tuple(Challenger(model=version, share=share) for share in (0.1, 0.3))
    rollout = RolloutStep(id="t", mode="bandit", challengers=challengers)
    counts = Counter(draw_arms(rollout, [str(n) for n in range(20_000)]).tolist())
    assert [counts[arm] / 20_000 for arm in (0, 1, 2)] == pytest.approx([0.6, 0.1, 0.3], abs=0.02)


async def test_both_routes_draw_the_same_model_and_each_event_is_answered_once_in_order(
    deployment: Any, registry: Any
) -> None:
    await deployment.serve_epoch(rollout_epoch(registry, 3, 0.5))
    events = [deployment.event(number, income=45.0) for number in range(40)]
    await deployment.publish_events(events)
    await deployment.run_until_quiet()
    streamed = {prediction.id: prediction.data for prediction in deployment.predictions()}
    async with deployment.client() as client:
        answers = (await client.post(PREDICT, content=json.dumps(events), headers=JSON)).json()
    assert [answer["id"] for answer in answers] == [event["id"] for event in events]
    versions = {event_id: data.version for event_id, data in streamed.items()}
    assert {answer["id"]: answer["model"]["version"] for answer in answers} == versions
    assert {(data.version, data.arm, data.value) for data in streamed.values()} == {
        (1, "champion", "yes"),
        (2, "challenger", "no"),
    }
    by_entity = {(data.entity, data.version) for data in streamed.values()}
    assert len(by_entity) == len({entity for entity, _ in by_entity})
    logged = [decode_answer(split_answer(event.answer)[1]) for event in deployment.records(RECEIVED, "loans")]
    assert {data.arm for data in logged} == {"champion", "challenger"}


async def test_a_shadow_is_recorded_and_answers_nobody(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(rollout_epoch(registry, 3, 0.0, "shadow"))
    async with deployment.client() as client:
        response = await client.post(PREDICT, content=json.dumps(deployment.event(1, income=45.0)), headers=JSON)
    assert response.json()["model"]["version"] == 1
    (answered,) = deployment.records(RECEIVED, "loans")
    await deployment.publish_events(
        [deployment.event(1, income=45.0, answer=answered.answer), deployment.event(2, income=1.0)]
    )
    await deployment.run_until_quiet()
    predictions = {prediction.id: prediction.data for prediction in deployment.predictions()}
    assert {data.version for data in predictions.values()} == {1}
    assert [(shadow.version, shadow.value) for shadow in predictions["e1"].shadow] == [(2, "no")]
    assert [(shadow.version, shadow.value) for shadow in predictions["e2"].shadow] == [(2, "yes")]
    assert predictions["e1"].route == "http"


def pairs_of(predictions: Any) -> set[Any]:
    """Who answered, and who would have."""
    return {(p.data.arm, p.data.value, tuple((s.version, s.value) for s in p.data.shadow)) for p in predictions}


async def test_in_a_canary_each_event_is_answered_by_one_arm_and_scored_by_both(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(rollout_epoch(registry, 3, 0.5))
    async with deployment.client() as client:
        await client.post(
            PREDICT, content=json.dumps([deployment.event(n, income=45.0) for n in range(20)]), headers=JSON
        )
    over_http = deployment.records(RECEIVED, "loans")
    assert all(decode_answer(split_answer(event.answer)[1]).shadow is UNSET for event in over_http)
    await deployment.publish_events(
        [deployment.event(n, income=45.0, answer=event.answer) for n, event in enumerate(over_http)]
        + [deployment.event(n, income=45.0) for n in range(20, 40)]
    )
    await deployment.run_until_quiet()
    predictions = deployment.predictions()
    assert {prediction.data.route for prediction in predictions} == {"http", "stream"}
    assert pairs_of(predictions) == {("champion", "yes", ((2, "no"),)), ("challenger", "no", ((1, "yes"),))}


async def test_of_a_bandit_only_who_answers_is_asked(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(rollout_epoch(registry, 3, 0.5, "bandit"))
    await deployment.publish_events([deployment.event(number, income=45.0) for number in range(20)])
    await deployment.run_until_quiet()
    assert pairs_of(deployment.predictions()) == {("champion", "yes", ()), ("challenger", "no", ())}


@pytest.mark.parametrize(("mode", "rows", "asked"), [("ab", 500, 1), ("ab", 501, 0), ("shadow", 501, 1)])
async def test_in_a_large_batch_only_who_answers_is_asked_and_shadows(
    deployment: Any, registry: Any, mode: Any, rows: int, asked: int
) -> None:
    assert PAIRED_ROWS == 500
    models, _ = deployment.new_manager(ArmLoader(ModelLoader(registry.store, registry.verifier)))
    models.add_epoch(rollout_epoch(registry, 3, 0.5, mode))
    await models.load_newest("loans")
    serving, (_, frame) = models.serving("loans"), registry.trained()
    keys = [str(number) for number in range(rows)]
    inputs = ModelInputs(frame.take(np.resize(np.arange(len(frame)), rows)), keys, keys)
    shadows = await shadow_answers(models, serving, inputs, drawn_arms(serving, inputs), with_probabilities=True)
    assert {len(row) for row in shadows} == {asked}
    assert all(len(shadow.probabilities) == 2 for row in shadows for shadow in row)


async def test_outside_of_a_rollout_predictions_say_nothing_of_shadows(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(rollout_epoch(registry, 3, 0.5).model_copy(update={"rollout": None}))
    await deployment.publish_events([deployment.event(1)])
    await deployment.run_until_quiet()
    assert [prediction.data.shadow for prediction in deployment.predictions()] == [UNSET]


async def test_a_challenger_that_must_not_serve_leaves_everything_to_the_champion(
    deployment: Any, registry: Any
) -> None:
    forged = registry.with_untrusted_key().epoch(2, *registry.trained(threshold=CHALLENGER_YES_BELOW)).champion
    await deployment.serve_epoch(rollout_epoch(registry, 3, 1.0, challenger=forged))
    await deployment.publish_events([deployment.event(number) for number in range(5)])
    await deployment.run_until_quiet()
    assert {(prediction.data.version, prediction.data.fallback) for prediction in deployment.predictions()} == {
        (1, True)
    }
    assert {(alert.subject, alert.version) for alert in deployment.records(ALERTS)} == {("failed-challenger", 2)}


class _NanEstimator:
    """Answers NaN."""

    def __init__(self, estimator: Any) -> None:
        self.classes_ = estimator.classes_

    def predict_proba(self, matrix: Any) -> Any:
        return np.full((len(matrix), len(self.classes_)), np.nan)


class _NanLoader(ModelLoader):
    """Loads a challenger that passes the golden rows, but answers NaN later."""

    def open(self, record: ModelEpoch, version: ModelVersion, artifact: bytes, declaration: Declaration) -> Any:
        model: Any = super().open(record, version, artifact, declaration)
        return replace(model, estimator=_NanEstimator(model.estimator)) if version.version == 2 else model


async def test_the_champion_answers_for_a_challenger_that_fails_until_its_breaker_opens(
    deployment: Any, registry: Any
) -> None:
    models, alerts = deployment.new_manager(ArmLoader(_NanLoader(registry.store, registry.verifier)))
    models.add_epoch(rollout_epoch(registry, 3, 0.5))
    await models.load_newest("loans")
    _, frame = registry.trained()
    keys = [str(number) for number in range(len(frame))]
    for _ in range(MAX_FAILURES + 2):
        serving = models.serving("loans")
        outputs = await arm_outputs(models, deployment.declared(), serving, ModelInputs(frame, keys, keys))
        assert serving.epoch == 3
        assert sorted(row for output in outputs for row in output.rows) == list(range(len(frame)))
        assert {(output.arm.version.version, output.is_fallback) for output in outputs} == {(1, False), (1, True)}
    models.add_epoch(rollout_epoch(registry, 4, 0.9))
    await models.load_newest("loans")
    assert models.serving("loans").breakers[0].usable_arm is None, "it stays open in the next step of the rollout"
    assert [(alert.subject, alert.version) for alert in alerts] == [("failed-challenger", 2)]
    assert "not a finite number" in alerts[0].message


async def test_a_challenger_that_became_the_champion_is_in_the_local_copy(
    deployment: Any, registry: Any, tmp_path: Any
) -> None:
    copies = LocalModelCopies(tmp_path)
    deployment.save_copies_in(copies)
    await deployment.restart_stream()
    step = rollout_epoch(registry, 3, 0.5)
    await deployment.publish_epoch(step)
    await deployment.publish_events([deployment.event(1)])
    await deployment.run_until_quiet()
    assert copies.read("loans")[0].champion.version == 1
    promoted = step.model_copy(update={"epoch": 4, "champion": step.rollout.challengers[0].model, "rollout": None})
    await deployment.publish_epoch(promoted)
    await deployment.publish_events([deployment.event(2)])
    await deployment.run_until_quiet()
    record, artifact = copies.read("loans")
    assert (record.champion.version, digest_of(artifact)) == (2, record.champion.digest)
    assert deployment.health()[0]["epochs"] == {"loans": 4}
