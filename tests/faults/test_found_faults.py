"""Faults that a seed has found, each by its shortest plan."""

from __future__ import annotations

import pytest

from tests.faults.simulation import run_plan, steps_of

PLANS = {
    "a commit that was lost after its topic was made anew leaves no lag behind": (
        207,
        "send:728746142, step:89824408, send:334470147, make-anew:713099719, join:211738884, crash-at:1051308129, "
        "step:523375734, join:1030079830, label:47157818, step:436047489, away:650945905, step:489884679, "
        "step:303333045",
    ),
    "a commit after its topic was made anew hides nothing of the new one": (
        35,
        "out-of-order:547542084, out-of-order:1073594542, join:572343697, out-of-order:378199322, send:627278924, "
        "join:1020789811, send:982054041, step:730194762, send:619903496, ahead:285993730, send:1053950233, "
        "make-anew:313193379, send:749344340, crash-at:975987937",
    ),
}


@pytest.mark.parametrize("name", PLANS)
async def test_a_plan_that_found_a_fault_holds_every_invariant(name: str) -> None:
    seed, steps = PLANS[name]
    assert (await run_plan(seed, steps_of(steps))).violations == {}
