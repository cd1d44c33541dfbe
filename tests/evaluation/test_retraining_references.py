"""References for the retraining question: Cara's rules, and the oracle by dynamic programming."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.evaluation.references.cara import Rule, cheapest_rule, strategy_cost
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
