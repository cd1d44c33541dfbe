"""A candidate is compared with the champion's package, on rows that neither has learnt from."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.contracts.topics import MODELS, STREAMS
from penstock.ml.features.frame import Frame
from penstock.ml.metrics.objective import Objective
from penstock.ml.models.baseline import baseline
from penstock.ml.package.model_package import pack, unpack
from penstock.trainer.champions import Champions
from penstock.trainer.data.dataset import TrainingRows, label_classes, rows_of
from penstock.trainer.data.parquet_segments import outcome_table
from penstock.trainer.evaluation.rehearsal import rehearse

from .conftest import Deployment, declaration, declared, outcomes, request

BLEND = {"families": ["linear", "additive"]}


def version(run: TrainingRun | None, number: int) -> ModelVersion:
    digest = run.candidate.digest if run and run.candidate else "none"
    return ModelVersion(
        name="power", version=number, family="linear", digest=digest, envelope={}, schema_version=1,
        run=run.request if run else None,
    )  # fmt: skip


def baseline_version(deployment: Deployment) -> ModelVersion:
    constant = baseline("binary", ["no", "yes"], {"no": 1, "yes": 1}, [])
    package = pack(constant, Frame({}, np.array([], dtype="datetime64[ms]")))
    return version(None, 0).model_copy(update={"digest": deployment.store.put(package)})


def epoch(number: int, champion: ModelVersion) -> ModelEpoch:
    return ModelEpoch(
        source="r", id=f"epoch-{number}", time=datetime(2026, 1, 1, tzinfo=UTC), stream="power", epoch=number,
        champion=champion, reason="promotion",
    )  # fmt: skip


def all_rows(count: int, **changes: object) -> TrainingRows:
    stream = declaration(**changes)
    return rows_of(stream, [outcome_table(stream, range(count), outcomes(stream, count))])


async def trained_twice(
    deployment: Deployment, first: int, second: int, models: dict[str, object], shortfall: int | None = None
) -> tuple[TrainingRun, TrainingRun]:
    """Trained on `first` outcomes, promoted, and trained again on `second`."""
    stream = await deployment.declare(declaration(models=models))
    await deployment.start()
    await deployment.give(outcomes(stream.declaration, second))
    before = (await deployment.ask(request(until=first)))[-1]
    await deployment.write(MODELS, [epoch(0, baseline_version(deployment)), epoch(1, version(before, 1))])
    await deployment.process.run_until_quiet()
    again = TrainingRequest.model_validate({**request(until=second, fence=1).model_dump(), "shortfall": shortfall})
    return before, (await deployment.ask(again))[-1]


@pytest.mark.parametrize("models", [{"families": ["linear"]}, BLEND])
async def test_the_champion_is_scored_by_its_package_and_not_by_what_was_served(
    deployment: Deployment, models: dict[str, object]
) -> None:
    _, run = await trained_twice(deployment, 400, 1200, models)
    assert run.evaluation is not None, run.failure
    assert run.evaluation.champion_version == 1
    assert run.evaluation.champion.value > 0.85  # what was served is always "no", which is right in half of all cases
    assert run.evaluation.baseline.value < 0.7
    assert run.evaluation.gain.rows == run.evaluation.candidate.rows >= 250


async def test_rows_that_the_champion_learnt_from_are_left_out(deployment: Deployment) -> None:
    _, run = await trained_twice(deployment, 1170, 1200, {"families": ["linear"]})
    assert run.evaluation is not None
    assert run.evaluation.gain.rows == 30


async def test_while_the_baseline_serves_a_constant_stands_in_for_the_champion(deployment: Deployment) -> None:
    first, _ = await trained_twice(deployment, 1000, 1000, {"families": ["linear"]})
    assert first.evaluation is not None
    assert (first.evaluation.champion_version, first.evaluation.gain.rows) == (0, 250)
    assert first.evaluation.champion == first.evaluation.baseline


@pytest.mark.parametrize("models", [{"families": ["linear"]}, BLEND])
async def test_a_package_answers_as_it_did_when_the_rows_are_all_new(
    deployment: Deployment, models: dict[str, object]
) -> None:
    """However many rows come after it: the answers to the first of them do not change (nothing leaks from later)."""
    first, _ = await trained_twice(deployment, 400, 400, models)
    assert first.candidate is not None
    package, changes = deployment.store.get(first.candidate.digest), {"models": models}
    few, many = (all_rows(count, **changes) for count in (600, 900))
    classes = label_classes(declaration(), few.labels)
    short, long = (rehearse(unpack(package), rows, 400, classes) for rows in (few, many))
    assert short.rows.tolist() == list(range(400, 600))
    assert np.array_equal(short.answers.probabilities, long.answers.probabilities[:200])
    labels = np.array([classes.index(label) for label in few.labels], dtype=float)[short.rows]
    assert Objective("accuracy", 2).score(labels, short.answers) > 0.85


async def test_a_class_that_the_champion_does_not_know_gets_no_probability(deployment: Deployment) -> None:
    first, _ = await trained_twice(deployment, 400, 400, BLEND)
    assert first.candidate is not None
    rows = all_rows(500, models=BLEND)
    rows.labels[450] = "maybe"
    answered = rehearse(unpack(deployment.store.get(first.candidate.digest)), rows, 400, ("no", "maybe", "yes"))
    assert answered.answers.probabilities.shape == (100, 3)
    assert set(answered.answers.probabilities[:, 1]) == {0.0}
    assert np.isfinite(answered.answers.probabilities).all()


async def test_where_the_champion_falls_short_what_a_return_would_gain_is_worked_out(deployment: Deployment) -> None:
    """Version 2 learnt from a task turned round: the version before would gain on what came after both."""
    good, run = await trained_twice(deployment, 400, 600, {"families": ["linear"]})
    assert run.returns == ()
    turned = outcomes(declaration(), 600, first=600, turned=True)
    await deployment.give([*turned, *outcomes(declaration(), 600, first=1200)])
    bad = (await deployment.ask(request(until=1200, fence=2)))[-1]
    await deployment.write(MODELS, [epoch(2, version(bad, 2))])
    await deployment.process.run_until_quiet()
    again = TrainingRequest.model_validate({**request(until=1800, fence=3).model_dump(), "shortfall": 2})
    ended = (await deployment.ask(again))[-1]
    assert ended.failure is None
    assert [(each.version, each.rows) for each in ended.returns] == [(1, 600), (0, 600)]
    evidence, of_baseline = ended.returns
    assert evidence.gain > 0.1 > of_baseline.gain
    assert evidence.low is not None
    assert 0 < evidence.low < evidence.gain
    assert good.candidate is not None


async def test_a_champion_that_cannot_answer_stops_no_training(deployment: Deployment) -> None:
    """A field that it needs is declared no longer: a constant stands in for it."""
    _, run = await trained_twice(deployment, 400, 600, {"families": ["linear"]})
    fields = {"wind": {"type": "number"}, "region": {"type": "category"}}
    await deployment.write(STREAMS, [declared(declaration(fields=fields, models={"families": ["linear"]}), 2)])
    await deployment.process.run_until_quiet()
    ended = (await deployment.ask(request(until=600, fence=2)))[-1]
    assert run.evaluation is not None
    assert ended.evaluation is not None, ended.failure
    assert ended.evaluation.champion_version == 1
    assert ended.evaluation.champion == ended.evaluation.baseline


def test_alternatives_are_the_version_before_and_the_baseline() -> None:
    champions = Champions()
    for number, champion in enumerate([0, 1, 1, 2]):
        champions.apply(epoch(number, version(None, champion)))
    assert champions.version("power") == 2
    assert [model.version for model in champions.alternatives("power")] == [1, 0]
    champions.apply(epoch(2, version(None, 9)))
    assert champions.version("power") == 2
