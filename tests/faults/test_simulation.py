"""All services under seeded faults: no acknowledged operation is lost, none counts twice, order holds."""

from __future__ import annotations

import pytest

from tests.faults.simulation import STEPS, plan, run_plan, shorten

SEEDS, GROUP = 200, 20


@pytest.mark.parametrize("first", range(0, SEEDS, GROUP))
async def test_seeds_hold_every_invariant(first: int) -> None:
    for seed in range(first, first + GROUP):
        run = await run_plan(seed, plan(seed))
        if run.violations:
            short = await shorten(run)
            steps = ", ".join(f"{step.kind}:{step.number}" for step in short.steps)
            pytest.fail(f"seed {seed}: {short.violations}\nalone: make faults FIRST={seed} SEEDS=1\nshortest: {steps}")


@pytest.mark.parametrize("seed", [6, 21, 138])
async def test_a_commit_that_was_lost_in_a_crash_leaves_no_lag_behind(seed: int) -> None:
    assert (await run_plan(seed, plan(seed))).violations == {}


async def test_a_seed_gives_the_same_run_twice() -> None:
    first, again = [await run_plan(3, plan(3)) for _ in range(2)]
    assert (first.reached, first.operations, first.steps) == (again.reached, again.operations, again.steps)
    assert len(first.steps) == STEPS
