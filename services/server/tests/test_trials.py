"""Models on trial in the server: shares, shadows, and the breaker that takes a failing challenger out at once."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.artifacts import digest_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import Challenger, ModelEpoch, ModelVersion, RolloutMode, RolloutStep
from penstock.contracts.records.predictions import decode_answer, split_answer
from penstock.contracts.topics import ALERTS, RECEIVED
from penstock.ml.models.model import Model
from penstock.server.models.circuit_breaker import MOST_FAILURES
from penstock.server.models.local_copy import KeptModels
from penstock.server.models.model_loader import Loader
from penstock.server.scoring.arms import Asked
from penstock.server.scoring.traffic_split import drawn

PREDICT = "/v1/streams/loans/predict"
JSON = {"content-type": "application/json"}
YES_BELOW, ALSO_BELOW = 60.0, 20.0


def on_trial(shop: Any, epoch: int, share: float, mode: RolloutMode = "canary", tried: Any = None) -> ModelEpoch:
    """The champion of epoch 1, which says yes below 60, beside a challenger that says yes below 20."""
    record = shop.epoch(1, *shop.trained(threshold=YES_BELOW)).model_copy(update={"epoch": epoch, "id": f"t{epoch}"})
    challenger = tried or shop.epoch(2, *shop.trained(threshold=ALSO_BELOW)).champion
    trial = RolloutStep(id="a trial", mode=mode, challengers=(Challenger(model=challenger, share=share),))
    return record.model_copy(update={"rollout": trial})


@given(st.lists(st.text(), min_size=1, max_size=200), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_share_that_grows_takes_keys_in_and_gives_none_up(keys: list[str], share: float, more: float) -> None:
    version = ModelVersion(name="m", version=1, family="linear", digest="d", envelope={}, schema_version=1)

    def places(share: float) -> list[int]:
        return drawn(
            RolloutStep(id="t", mode="canary", challengers=(Challenger(model=version, share=share),)), keys
        ).tolist()

    assert all(now >= before for before, now in zip(places(share), places(share + more), strict=True))
    assert set(places(0.0)) == {0}
    assert set(places(1.0)) == {1}


def test_shares_are_met() -> None:
    version = ModelVersion(name="m", version=1, family="linear", digest="d", envelope={}, schema_version=1)
    arms = tuple(Challenger(model=version, share=share) for share in (0.1, 0.3))
    found = Counter(
        drawn(RolloutStep(id="t", mode="bandit", challengers=arms), [str(n) for n in range(20_000)]).tolist()
    )
    assert [found[place] / 20_000 for place in (0, 1, 2)] == pytest.approx([0.6, 0.1, 0.3], abs=0.02)


async def test_both_routes_draw_the_same_model_and_each_event_is_answered_once_in_order(
    deployment: Any, shop: Any
) -> None:
    await deployment.serve(on_trial(shop, 3, 0.5))
    events = [deployment.event(number, income=45.0) for number in range(40)]
    await deployment.events(events)
    await deployment.settle()
    streamed = {one.id: one.data for one in deployment.predictions()}
    async with deployment.client() as client:
        told = (await client.post(PREDICT, content=json.dumps(events), headers=JSON)).json()
    assert [one["id"] for one in told] == [event["id"] for event in events]
    assert {one["id"]: one["model"]["version"] for one in told} == {name: one.version for name, one in streamed.items()}
    assert {(one.version, one.arm, one.value) for one in streamed.values()} == {
        (1, "champion", "yes"),
        (2, "challenger", "no"),
    }
    by_entity = {(one.entity, one.version) for one in streamed.values()}
    assert len(by_entity) == len({entity for entity, _ in by_entity})
    logged = [decode_answer(split_answer(event.answer)[1]) for event in deployment.records(RECEIVED, "loans")]
    assert {one.arm for one in logged} == {"champion", "challenger"}


async def test_a_shadow_is_recorded_and_answers_nobody(deployment: Any, shop: Any) -> None:
    await deployment.serve(on_trial(shop, 3, 0.0, "shadow"))
    async with deployment.client() as client:
        told = await client.post(PREDICT, content=json.dumps(deployment.event(1, income=45.0)), headers=JSON)
    assert told.json()["model"]["version"] == 1
    (answered,) = deployment.records(RECEIVED, "loans")
    await deployment.events([deployment.event(1, income=45.0, answer=answered.answer), deployment.event(2, income=1.0)])
    await deployment.settle()
    found = {one.id: one.data for one in deployment.predictions()}
    assert {one.version for one in found.values()} == {1}
    assert [(one.version, one.value) for one in found["e1"].shadow] == [(2, "no")]
    assert [(one.version, one.value) for one in found["e2"].shadow] == [(2, "yes")]
    assert found["e1"].route == "http"


async def test_a_challenger_that_must_not_serve_leaves_everything_to_the_champion(deployment: Any, shop: Any) -> None:
    forged = shop.stranger().epoch(2, *shop.trained(threshold=ALSO_BELOW)).champion
    await deployment.serve(on_trial(shop, 3, 1.0, tried=forged))
    await deployment.events([deployment.event(number) for number in range(5)])
    await deployment.settle()
    assert {(one.data.version, one.data.fallback) for one in deployment.predictions()} == {(1, True)}
    assert {(alert.subject, alert.version) for alert in deployment.records(ALERTS)} == {("failed-challenger", 2)}


class _Unsound:
    """Answers no number."""

    def __init__(self, estimator: Any) -> None:
        self.classes_ = estimator.classes_

    def predict_proba(self, matrix: Any) -> Any:
        return np.full((len(matrix), len(self.classes_)), np.nan)


class _Spoilt(Loader):
    """Loads the challenger's model in a state in which it answers nothing."""

    def load(self, record: ModelEpoch, version: ModelVersion, declaration: Declaration) -> Model:
        model = super().load(record, version, declaration)
        return replace(model, estimator=_Unsound(model.estimator)) if version.version == 2 else model


async def test_a_challenger_that_fails_is_answered_for_and_soon_not_asked_any_more(deployment: Any, shop: Any) -> None:
    models, told = deployment.models_alone(_Spoilt(shop.store, shop.verifier))
    models.want(on_trial(shop, 3, 0.5))
    await models.settle("loans")
    _, frame = shop.trained()
    keys = [str(number) for number in range(len(frame))]
    for _ in range(MOST_FAILURES + 2):
        serving, spoken = await models.answer(deployment.declared(), Asked(frame, keys, keys))
        assert serving.epoch == 3
        assert sorted(row for said in spoken for row in said.rows) == list(range(len(frame)))
        assert {(said.arm.version.version, said.fallback) for said in spoken} == {(1, False), (1, True)}
    models.want(on_trial(shop, 4, 0.9))
    await models.settle("loans")
    assert not models.serving("loans").challengers[0].answers, "a step of the same trial does not mend it"
    assert [(alert.subject, alert.version) for alert in told] == [("failed-challenger", 2)]
    assert "not a finite number" in told[0].message


async def test_a_challenger_that_became_the_champion_is_what_a_restart_recalls(
    deployment: Any, shop: Any, tmp_path: Any
) -> None:
    kept = KeptModels(tmp_path)
    deployment.keep_in(kept)
    await deployment.restart_stream()
    tried = on_trial(shop, 3, 0.5)
    await deployment.announce(tried)
    await deployment.events([deployment.event(1)])
    await deployment.settle()
    assert kept.recall("loans")[0].champion.version == 1
    promoted = tried.model_copy(update={"epoch": 4, "champion": tried.rollout.challengers[0].model, "rollout": None})
    await deployment.announce(promoted)
    await deployment.events([deployment.event(2)])
    await deployment.settle()
    record, artifact = kept.recall("loans")
    assert (record.champion.version, digest_of(artifact)) == (2, record.champion.digest)
    assert deployment.health()[0]["epochs"] == {"loans": 4}
