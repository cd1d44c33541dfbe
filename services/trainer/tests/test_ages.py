"""A training shows what the age of a model costs: how much more older models lose on the same outcomes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penstock.contracts.records.training import AgeLoss
from penstock.contracts.topics import MODELS
from penstock.ml.metrics.objective import Answers, Objective
from penstock.trainer.evaluation.ages import age_loss, generation_losses, standard_error

from .conftest import Deployment, declaration, outcomes, request
from .test_champion_comparison import epoch, version

FAMILIES = [["linear"], ["linear", "additive"]]
MAE = Objective("mae", 0)
TESTS = [slice(100, 200), slice(200, 300), slice(300, 400)]


async def ages_of(deployment: Deployment, families: list[str], turns_at: int) -> tuple[AgeLoss, ...]:
    stream = await deployment.declare(declaration(models={"families": families}))
    await deployment.start()
    later = outcomes(stream.declaration, 400 - turns_at, first=turns_at, turned=True)
    await deployment.give([*outcomes(stream.declaration, turns_at), *later])
    (*_, run) = await deployment.ask(request(until=400))
    assert run.evaluation is not None, run.failure
    return run.evaluation.ages


async def test_in_a_world_that_changes_age_costs(deployment: Deployment) -> None:
    ages = await ages_of(deployment, ["linear"], turns_at=150)
    assert [each.age for each in ages] == [100, 200]
    assert ages[-1].excess > 3 * ages[-1].error > 0


async def test_it_costs_less_where_additive_models_learn_meanwhile(deployment: Deployment) -> None:
    *_, oldest = await ages_of(deployment, ["linear", "additive"], turns_at=200)
    assert (oldest.age, oldest.rows) == (200, 100)
    assert 0 < oldest.excess < 0.1


@pytest.mark.parametrize("families", FAMILIES)
async def test_in_one_that_does_not_it_costs_next_to_nothing(deployment: Deployment, families: list[str]) -> None:
    assert all(abs(each.excess) < 0.05 + 3 * each.error for each in await ages_of(deployment, families, turns_at=400))


async def test_the_champion_shows_what_its_own_age_costs(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration())
    await deployment.start()
    await deployment.give(outcomes(stream.declaration, 200))
    (*_, first) = await deployment.ask(request(until=200))
    await deployment.write(MODELS, [epoch(1, version(first, 1))])
    await deployment.give(outcomes(stream.declaration, 400, first=200, turned=True))
    (*_, run) = await deployment.ask(request(until=600, fence=1))
    assert run.evaluation is not None, run.failure
    *_, champion = run.evaluation.ages
    assert (champion.age, champion.rows) == (250, 150), "the candidate was judged without the last fold, from row 450"
    assert champion.excess == pytest.approx(-run.evaluation.champion.value + run.evaluation.candidate.value)


def test_of_equal_models_neither_loses_more() -> None:
    numbers = np.random.default_rng(1).normal(size=(400, 1))
    ages = generation_losses(MAE, np.zeros(400), numbers, numbers, TESTS, None)
    assert [(each.age, each.excess, each.error) for each in ages] == [(100, 0.0, 0.0), (200, 0.0, 0.0)]


def test_rows_that_one_of_them_did_not_answer_do_not_count() -> None:
    newer, older = np.zeros((400, 1)), np.ones((400, 1))
    newer[200:290] = older[350:] = np.nan
    (age,) = generation_losses(MAE, np.zeros(400), newer, older, TESTS, None)
    assert (age.age, age.rows, age.excess) == (200, 50, 1.0)


@pytest.mark.parametrize("unit", [1e-6, 1e5])
def test_losses_have_the_unit_of_the_label(unit: float) -> None:
    random = np.random.default_rng(2)
    labels, older, newer = random.normal(size=(3, 100))

    def measured(unit: float) -> Any:
        found = age_loss(MAE, labels * unit, Answers(older * unit), Answers(newer * unit), 10)
        assert found is not None
        return np.array([found.excess, found.error, found.loss])

    assert measured(unit) == pytest.approx(measured(1.0) * unit)


def test_the_error_counts_that_neighbours_are_alike() -> None:
    alike = np.repeat(np.random.default_rng(3).normal(size=40), 50)
    assert standard_error(alike) > 4 * alike.std(ddof=1) / np.sqrt(len(alike))
