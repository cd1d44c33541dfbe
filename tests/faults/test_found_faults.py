"""Faults that a seed has found, each by its shortest plan."""

from __future__ import annotations

import pytest

from tests.faults.simulation import run_plan, steps_of

PLANS = {
    "a commit that was lost after its topic was made anew leaves no lag behind": (
        207,
        "send:728746142, step:89824408, send:334470147, make-anew:713099719, join:211738884, away:943736472, "
        "step:523375734, back:401394684, join:1030079830, label:47157818, step:436047489, away:650945905, "
        "roll-out:824881374, step:303333045",
    ),
}


@pytest.mark.parametrize("name", PLANS)
async def test_a_plan_that_found_a_fault_holds_every_invariant(name: str) -> None:
    seed, steps = PLANS[name]
    assert (await run_plan(seed, steps_of(steps))).violations == {}
