"""References for the retraining question: Cara's rules, Regol's forecasts, and the oracle by dynamic programming."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.evaluation.references.cara import Rule, cheapest_rule, strategy_cost
from bench.evaluation.references.regol import FIRST, feature_shifts, pays
from bench.evaluation.references.retraining_oracle import best_models


def random_losses(seed: int, count: int) -> np.ndarray:
    """The losses of models (rows) on their own and later spans."""
    return np.triu(np.random.default_rng(seed).random((count, count)))


@given(st.integers(0, 1000), st.integers(1, 7), st.integers(1, 7))
def test_the_oracle_finds_the_best_of_all_choices(seed: int, count: int, trainings: int) -> None:
    losses, trainings = random_losses(seed, count), min(trainings, count)

    def loss(chosen: tuple[int, ...]) -> float:
        ends = [*chosen[1:], count]
        return float(sum(losses[model, model:end].sum() for model, end in zip(chosen, ends, strict=True)))

    totals, chosen = best_models(losses, trainings)
    for used in range(1, count + 1):
        choices = [(0, *later) for later in combinations(range(1, count), used - 1)]
        assert totals[used - 1] == pytest.approx(min(map(loss, choices)))
    assert chosen[0] == 0
    assert len(chosen) == trainings
    assert loss(tuple(chosen)) == pytest.approx(totals[trainings - 1])


def aged_losses(count: int, growth: float) -> np.ndarray:
    """Losses that grow with a model's age."""
    ages = np.arange(count)[None, :] - np.arange(count)[:, None]
    return np.where(ages >= 0, 1.0 + growth * np.maximum(ages, 0), np.nan)


def test_cara_retrains_where_models_age_and_not_where_they_do_not() -> None:
    losses = aged_losses(9, growth=1.0)
    rule = cheapest_rule(losses, 2.0)
    every_other = Rule("periodic", 1)
    assert strategy_cost(rule, losses, 2.0) <= strategy_cost(every_other, losses, 2.0)
    assert rule.retrains(loss=4.0, total_loss=9.0, batches=3)
    unchanging = aged_losses(9, growth=0.0)
    never = cheapest_rule(unchanging, 2.0)
    assert strategy_cost(never, unchanging, 2.0) == pytest.approx(2.0 + 8.0)
    assert not never.retrains(loss=1.0, total_loss=3.0, batches=3)


@pytest.mark.parametrize(("kind", "position"), [("threshold", 0), ("cumulative", 1), ("periodic", 2)])
def test_each_rule_of_caras_retrains_above_its_limit(kind: str, position: int) -> None:
    rule = Rule(kind, 2.0)  # type: ignore[arg-type]
    for value in (1, 2, 3):
        misleading = 0 if value > 2 else 10
        figures = [value if other == position else misleading for other in range(3)]
        assert rule.retrains(*figures) == (value > 2)


@given(st.integers(0, 1000), st.integers(2, 9))
def test_no_rule_of_caras_is_cheaper_than_the_one_it_takes(seed: int, count: int) -> None:
    losses = random_losses(seed, count)
    losses[np.tril_indices(count, -1)] = np.nan
    cheapest = strategy_cost(cheapest_rule(losses, 1.0), losses, 1.0)
    for batches in range(count):
        assert cheapest <= strategy_cost(Rule("periodic", batches), losses, 1.0)
    assert cheapest <= strategy_cost(Rule("threshold", float(np.nanmax(losses))), losses, 1.0)


def observed_losses(batch: int, growth: float, seed: int = 0) -> np.ndarray:
    """What Regol knows at a batch: losses of the first tenth's models in it, and of the one trained at its end."""
    losses = aged_losses(100, growth) + np.random.default_rng(seed).normal(0, 0.02, (100, 100))
    losses[:FIRST, FIRST:] = losses[FIRST, batch:] = losses[FIRST + 1 :] = np.nan
    return losses


@pytest.mark.parametrize("seed", range(5))
def test_regol_retrains_where_models_age_and_not_where_they_do_not(seed: int) -> None:
    shifts = np.zeros((100, 100))
    paying = [pays(observed_losses(batch, 0.05, seed), shifts, FIRST, batch) for batch in range(FIRST + 1, 100)]
    assert not paying[0]  # half a batch's loss until the horizon: less than the price
    assert all(paying[8:])
    assert not any(pays(observed_losses(batch, 0.0, seed), shifts, FIRST, batch) for batch in range(FIRST + 1, 100))


def test_regol_retrains_when_the_serving_models_losses_leap() -> None:
    losses, shifts = observed_losses(50, 0.0), np.zeros((100, 100))
    losses[FIRST, 45:50] += 3.0
    assert pays(losses, shifts, FIRST, 50)
    assert not pays(np.full((100, 100), np.nan), shifts, FIRST, 50)


def test_shifts_are_in_deviations_of_the_first_tenth() -> None:
    values = np.tile([-1.0, 1.0], 500)
    leap = np.where(np.arange(1000) < 500, values, values + 6.0)
    unvarying = np.where(np.arange(1000) < 500, 7.0, 8.0)
    shifts = feature_shifts(np.column_stack([leap, unvarying]), [10 * batch for batch in range(100)])
    np.testing.assert_allclose(shifts[20, [20, 50, 51, 99]], [0, 0, 6, 6], atol=1e-9)
