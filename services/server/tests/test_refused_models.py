"""Models that must not serve: the model before goes on answering, health says why, and one alert is published."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from penstock.artifacts import ArtifactError
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.topics import ALERTS
from penstock.ml.features.frame import Field
from penstock.ml.package.model_package import pack
from penstock.server.models.arm_loader import ArmLoader
from penstock.server.models.local_copy import LocalModelCopies
from penstock.server.models.repeated_failures import MAX_FAILURES
from penstock.server.scoring.arm_outputs import arm_outputs
from penstock.server.scoring.model_inputs import ModelInputs

from .nan_loader import NanLoader


async def _epoch_and_version(deployment: Any, number: int) -> tuple[int, int]:
    """The epoch and version that predict the next event."""
    await deployment.publish_events([deployment.event(number)])
    await deployment.run_until_quiet()
    data = next(p for p in deployment.predictions() if p.id == f"e{number}").data
    return data.epoch, data.version


def _with_a_flipped_bit(registry: Any) -> ModelEpoch:
    record = registry.epoch(2, *registry.trained())
    content = bytearray(registry.store.contents[record.champion.digest])
    content[len(content) // 2] ^= 1
    registry.store.contents[record.champion.digest] = bytes(content)
    return record


def _unknown_key(registry: Any) -> ModelEpoch:
    return registry.with_untrusted_key().epoch(2, *registry.trained()).model_copy()


def _signed_as_another_version(registry: Any) -> ModelEpoch:
    old = registry.epoch(1, *registry.trained()).champion
    return registry.epoch(2, *registry.trained(threshold=20.0), envelope=old.envelope)


def _signed_for_another_run(registry: Any) -> ModelEpoch:
    return registry.epoch(2, *registry.trained(), run="run-7")


def _other_features(registry: Any) -> ModelEpoch:
    fields = (Field("income", "number"), Field("age", "number"))
    return registry.epoch(2, *registry.trained(fields=fields))


def _not_a_package(registry: Any) -> ModelEpoch:
    return registry.epoch_of(2, b"\x80\x04cos\nsystem\n")


def _empty(registry: Any) -> ModelEpoch:
    return registry.epoch_of(2, b"")


def _missing(registry: Any) -> ModelEpoch:
    record = registry.epoch(2, *registry.trained())
    del registry.store.contents[record.champion.digest]
    return record


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_with_a_flipped_bit, "corrupt"),
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
    deployment: Any, registry: Any, spoil: Any, reason: str
) -> None:
    await deployment.serve_epoch(registry.epoch(1, *registry.trained(threshold=20.0)))
    assert await _epoch_and_version(deployment, 1) == (1, 1)
    await deployment.serve_epoch(spoil(registry))
    assert await _epoch_and_version(deployment, 2) == (1, 1)
    for health in deployment.health():
        assert health["epochs"] == {"loans": 1}
        assert health["refused"]["loans"]["epoch"] == 2
        assert reason in health["refused"]["loans"]["reason"]
    alerts = deployment.records(ALERTS)
    assert {(alert.stream, alert.subject) for alert in alerts} == {("loans", "refused-model")}
    assert len({alert.id for alert in alerts}) == 1
    assert len(alerts) == 2, "one from each child, under one id"
    await deployment.serve_epoch(registry.epoch(3, *registry.trained()))
    assert await _epoch_and_version(deployment, 3) == (3, 3)
    assert [health["refused"] for health in deployment.health()] == [{}, {}]


@pytest.mark.parametrize(("before", "substitute"), [(1, 1), (None, 0)])
async def test_a_champion_whose_outputs_cannot_be_used_is_replaced_once_that_repeats(
    deployment: Any, registry: Any, before: int | None, substitute: int
) -> None:
    models, alerts = deployment.new_manager(ArmLoader(NanLoader(registry.store, registry.verifier)))
    models.add_epoch(registry.epoch(0))
    if before:
        models.add_epoch(registry.epoch(before, *registry.trained(threshold=20.0)))
        await models.load_newest("loans")
    models.add_epoch(registry.epoch(2, *registry.trained()))
    await models.load_newest("loans")
    _, frame = registry.trained()
    few, all_rows = _inputs(frame, slice(0, 10)), _inputs(frame, slice(0, 200))
    for _ in range(2):  # the same rows again do not count again
        assert await _rows_by_version(models, deployment, few) == {2: 10}
    for first in (190, 180):
        counts = await _rows_by_version(models, deployment, _inputs(frame, slice(first - 5, first + 3)))
        assert counts[substitute] >= 3
    assert await _rows_by_version(models, deployment, _inputs(frame, slice(196, 200))) == {substitute: 4}
    assert await _rows_by_version(models, deployment, all_rows) == {substitute: 200}
    assert "not a finite number" in models.health_facts()["refused"]["loans"]["reason"]
    assert models.health_facts()["epochs"] == {"loans": 2}
    assert len(alerts) == 1


@pytest.mark.parametrize("before", [1, None])
async def test_one_odd_row_is_answered_by_another_model_and_refuses_no_champion(
    deployment: Any, registry: Any, before: int | None
) -> None:
    models, alerts = deployment.new_manager(ArmLoader(NanLoader(registry.store, registry.verifier)))
    models.add_epoch(registry.epoch(0))
    if before:
        models.add_epoch(registry.epoch(before, *registry.trained(threshold=20.0)))
        await models.load_newest("loans")
    models.add_epoch(registry.epoch(2, *registry.trained()))
    await models.load_newest("loans")
    _, frame = registry.trained()
    with_odd_row, without = _inputs(frame, slice(100, 181)), _inputs(frame, slice(100, 180))
    for _ in range(MAX_FAILURES + 1):  # sent again and again
        outputs = await arm_outputs(models, deployment.declared(), models.serving("loans"), with_odd_row)
        rows = {row: output for output in outputs for row in output.rows}
        assert sorted(rows) == list(range(81))
        assert {row for row, output in rows.items() if output.is_fallback} == {80}
        assert rows[80].arm.version.version == (before or 0)
    for odd_row in range(180, 200):  # others, now and then
        assert await _rows_by_version(models, deployment, without) == {2: 80}
        assert await _rows_by_version(models, deployment, _inputs(frame, slice(odd_row, odd_row + 1))) == {
            before or 0: 1
        }
    assert models.serving("loans").champion.version.version == 2
    assert not models.health_facts()["refused"]
    assert not alerts


def _inputs(frame: Any, rows: slice) -> ModelInputs:
    chosen = frame.take(rows)
    return ModelInputs(chosen, ["p0"] * len(chosen), ["p0"] * len(chosen))


async def _rows_by_version(models: Any, deployment: Any, inputs: ModelInputs) -> Counter[int]:
    """How many rows each version answers, which are all."""
    outputs = await arm_outputs(models, deployment.declared(), models.serving("loans"), inputs)
    counts: Counter[int] = Counter()
    for output in outputs:
        counts[output.arm.version.version] += len(output.answers.output)
    assert counts.total() == len(inputs.frame)
    return counts


async def test_a_start_that_cannot_use_the_newest_model_serves_the_last_good_one(
    deployment: Any, registry: Any
) -> None:
    await deployment.publish_epoch(registry.epoch(0))
    await deployment.publish_epoch(_with_a_flipped_bit(registry))
    assert await _epoch_and_version(deployment, 1) == (0, 0)


async def test_with_the_store_away_a_restart_serves_the_local_copy(
    deployment: Any, registry: Any, tmp_path: Path
) -> None:
    deployment.save_copies_in(LocalModelCopies(tmp_path / "models"))
    await deployment.restart_stream()
    await deployment.publish_epoch(registry.epoch(1, *registry.trained()))
    assert await _epoch_and_version(deployment, 1) == (1, 1)
    registry.store.get = _store_away
    await deployment.restart_stream()
    assert await _epoch_and_version(deployment, 2) == (1, 1)
    await deployment.publish_epoch(registry.epoch(2, *registry.trained(threshold=20.0)))
    await deployment.restart_stream()
    assert await _epoch_and_version(deployment, 3) == (1, 1)
    assert deployment.health()[0]["waiting"]["loans"] == {"epoch": 2, "reason": "the folder cannot be read"}
    assert deployment.records(ALERTS) == []
    del registry.store.get
    await deployment.retry_stream()
    assert await _epoch_and_version(deployment, 4) == (2, 2)


def _store_away(_: str) -> bytes:
    raise ArtifactError("the folder cannot be read")


def test_a_local_copy_is_verified_like_an_artifact_from_the_store(registry: Any, tmp_path: Path) -> None:
    copies = LocalModelCopies(tmp_path)
    record = registry.epoch(1, *registry.trained())
    copies.save(record, pack(*registry.trained(threshold=20.0)))
    assert registry.loader(copies).read_copy("loans") is None
    copies.save(record, registry.store.get(record.champion.digest))
    assert registry.loader(copies).read_copy("loans") is not None
    (tmp_path / "loans.model").write_bytes(b"torn")
    assert registry.loader(copies).read_copy("loans") is None
