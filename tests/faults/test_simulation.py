"""All services under seeded faults: no acknowledged operation is lost, none counts twice, order holds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.faults.page import POINT_NAMES, totals
from tests.faults.simulation import ALL_KINDS, STEPS, Run, failure_text, plan, run_plan, shorten

SEEDS = 60


@pytest.fixture(scope="module")
def runs() -> Sequence[Run]:
    """One run of each seed."""
    return [asyncio.run(run_plan(seed, plan(seed))) for seed in range(SEEDS)]


def test_seeds_hold_every_invariant(runs: Sequence[Run]) -> None:
    failed = next((run for run in runs if run.violations), None)
    if failed is not None:
        pytest.fail(failure_text(asyncio.run(shorten(failed))))


def test_every_crash_point_is_reached_and_every_step_is_made(runs: Sequence[Run]) -> None:
    kinds, reached, _ = totals(runs)
    assert set(POINT_NAMES) - set(reached) == set()
    assert set(ALL_KINDS) - set(kinds) == set()


def test_models_are_trained_promoted_and_rolled_out_and_gaps_are_told(runs: Sequence[Run]) -> None:
    _, _, seen = totals(runs)
    assert seen["training runs"] >= SEEDS // 4
    assert seen["epochs"] >= SEEDS + SEEDS // 4  # each stream begins with one
    assert seen["epochs with a challenger"]
    assert seen["gaps told"]


async def test_a_seed_gives_the_same_run_twice() -> None:
    first, again = [await run_plan(3, plan(3)) for _ in range(2)]
    assert (first.reached, first.counts, first.steps) == (again.reached, again.counts, again.steps)
    assert len(first.steps) == STEPS
