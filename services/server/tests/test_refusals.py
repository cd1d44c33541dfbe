"""What must never serve: the model before it goes on answering, health says why, and one alert is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock.artifacts import ArtifactError
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.topics import ALERTS
from penstock.ml.features.frame import Field
from penstock.ml.models.model import Model
from penstock.ml.package.model_package import pack
from penstock.server.models.local_copy import KeptModels
from penstock.server.models.model_loader import Loader
from penstock.server.scoring.arms import Asked


async def _served_by(deployment: Any, number: int) -> tuple[int, int]:
    """Epoch and version that answer the next event."""
    await deployment.events([deployment.event(number)])
    await deployment.settle()
    data = next(p for p in deployment.predictions() if p.id == f"e{number}").data
    return data.epoch, data.version


def _flipped(shop: Any) -> ModelEpoch:
    record = shop.epoch(2, *shop.trained())
    content = bytearray(shop.store.contents[record.champion.digest])
    content[len(content) // 2] ^= 1
    shop.store.contents[record.champion.digest] = bytes(content)
    return record


def _unknown_key(shop: Any) -> ModelEpoch:
    return shop.stranger().epoch(2, *shop.trained()).model_copy()


def _signed_as_another_version(shop: Any) -> ModelEpoch:
    old = shop.epoch(1, *shop.trained()).champion
    return shop.epoch(2, *shop.trained(threshold=20.0), envelope=old.envelope)


def _signed_for_another_run(shop: Any) -> ModelEpoch:
    return shop.epoch(2, *shop.trained(), run="run-7")


def _other_features(shop: Any) -> ModelEpoch:
    fields = (Field("income", "number"), Field("age", "number"))
    return shop.epoch(2, *shop.trained(fields=fields))


def _not_a_package(shop: Any) -> ModelEpoch:
    return shop.epoch_of(2, b"\x80\x04cos\nsystem\n")


def _empty(shop: Any) -> ModelEpoch:
    return shop.epoch_of(2, b"")


def _missing(shop: Any) -> ModelEpoch:
    record = shop.epoch(2, *shop.trained())
    del shop.store.contents[record.champion.digest]
    return record


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_flipped, "corrupt"),
        (_unknown_key, "unknown key"),
        (_signed_as_another_version, "signed for the"),
        (_signed_for_another_run, "signed for the name"),
        (_other_features, "'age', which is no feature"),
        (_not_a_package, "not a readable zip"),
        (_empty, "not a readable zip"),
        (_missing, "holds no artifact"),
    ],
)
async def test_a_model_that_is_not_what_was_signed_never_serves(
    deployment: Any, shop: Any, spoil: Any, reason: str
) -> None:
    await deployment.serve(shop.epoch(1, *shop.trained(threshold=20.0)))
    assert await _served_by(deployment, 1) == (1, 1)
    await deployment.serve(spoil(shop))
    assert await _served_by(deployment, 2) == (1, 1)
    for health in deployment.health():
        assert health["epochs"] == {"loans": 1}
        assert health["refused"]["loans"]["epoch"] == 2
        assert reason in health["refused"]["loans"]["reason"]
    alerts = deployment.records(ALERTS)
    assert {(alert.stream, alert.subject) for alert in alerts} == {("loans", "refused-model")}
    assert len({alert.id for alert in alerts}) == 1
    assert len(alerts) == 2, "one from each child, under one id"
    await deployment.serve(shop.epoch(3, *shop.trained()))
    assert await _served_by(deployment, 3) == (3, 3)
    assert [health["refused"] for health in deployment.health()] == [{}, {}]


class _Unsound:
    """Answers no number when it is asked about an income above 90."""

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator
        self.classes_ = estimator.classes_

    def predict_proba(self, matrix: Any) -> Any:
        answers = self._estimator.predict_proba(matrix)
        answers[matrix[:, 0] > 90] = np.nan
        return answers


class _Loader(Loader):
    """Loads models that go wrong after they were loaded."""

    def load(self, record: ModelEpoch, version: ModelVersion, declaration: Declaration) -> Model:
        model = super().load(record, version, declaration)
        return replace(model, estimator=_Unsound(model.estimator)) if record.epoch == 2 else model


@pytest.mark.parametrize(("before", "stand_in"), [(1, 1), (None, 0)])
async def test_a_model_whose_answers_turn_out_unusable_is_replaced_within_the_request(
    deployment: Any, shop: Any, before: int | None, stand_in: int
) -> None:
    models, told = deployment.models_alone(_Loader(shop.store, shop.verifier))
    models.want(shop.epoch(0))
    if before:
        models.want(shop.epoch(before, *shop.trained(threshold=20.0)))
        await models.settle("loans")
    models.want(shop.epoch(2, *shop.trained()))
    await models.settle("loans")
    _, frame = shop.trained()
    few = Asked(frame.take(slice(0, 10)), ["p0"] * 10, ["p0"] * 10)
    serving, (said,) = await models.answer(deployment.declared(), few)
    assert (serving.epoch, said.arm.version.version, len(said.answers)) == (2, 2, 10)
    serving, (said,) = await models.answer(deployment.declared(), Asked(frame, ["p0"] * 200, ["p0"] * 200))
    assert (serving.epoch, said.arm.version.version, len(said.answers)) == (2, stand_in, 200)
    assert "not a finite number" in models.facts()["refused"]["loans"]["reason"]
    assert models.facts()["epochs"] == {"loans": 2}
    assert len(told) == 1


async def test_a_start_that_cannot_use_the_newest_model_serves_the_last_good_one(deployment: Any, shop: Any) -> None:
    await deployment.announce(shop.epoch(0))
    await deployment.announce(_flipped(shop))
    assert await _served_by(deployment, 1) == (0, 0)


async def test_with_the_store_down_a_restart_serves_what_it_kept(deployment: Any, shop: Any, tmp_path: Path) -> None:
    deployment.keep_in(KeptModels(tmp_path / "models"))
    await deployment.restart_stream()
    await deployment.announce(shop.epoch(1, *shop.trained()))
    assert await _served_by(deployment, 1) == (1, 1)
    shop.store.get = _away
    await deployment.restart_stream()
    assert await _served_by(deployment, 2) == (1, 1)
    await deployment.announce(shop.epoch(2, *shop.trained(threshold=20.0)))
    await deployment.restart_stream()
    assert await _served_by(deployment, 3) == (1, 1)
    assert deployment.health()[0]["waiting"]["loans"] == {"epoch": 2, "reason": "the folder cannot be read"}
    assert deployment.records(ALERTS) == []
    del shop.store.get
    await deployment.retry_stream()
    assert await _served_by(deployment, 4) == (2, 2)


def _away(_: str) -> bytes:
    raise ArtifactError("the folder cannot be read")


def test_what_is_kept_is_distrusted_like_anything_else(shop: Any, tmp_path: Path) -> None:
    kept = KeptModels(tmp_path)
    record = shop.epoch(1, *shop.trained())
    kept.keep(record, pack(*shop.trained(threshold=20.0)))
    assert shop.loader(kept).recall("loans", shop.declaration) is None
    kept.keep(record, shop.store.get(record.champion.digest))
    assert shop.loader(kept).recall("loans", shop.declaration) is not None
    (tmp_path / "loans.model").write_bytes(b"torn")
    assert shop.loader(kept).recall("loans", shop.declaration) is None
