"""Rollouts as decisions: what evidence leads to, in every mode."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.declaration.model_lifecycle import RolloutDeclaration
from penstock.registry.rollout import Evidence, Losses, Plan, rule

DECLARED = RolloutDeclaration()
CHALLENGER = 2


def plan(mode: Any, **declared: Any) -> Plan:
    return Plan.of(RolloutDeclaration(**declared), mode)


def arm(answers: int, mean: float) -> Losses:
    return Losses(answers=answers, mean=mean, squares=answers * mean * (1 - mean))


def met(challenger: Losses, champion: Losses | None = None, outcomes: int = 0) -> Evidence:
    return Evidence(champion=champion or arm(4000, 0.2), challengers={CHALLENGER: challenger}, outcomes=outcomes)


def verdict(mode: Any, evidence: Evidence, step: int = 0, **declared: Any) -> str:
    return rule(plan(mode, **declared), step, (CHALLENGER,), evidence, "accuracy").verdict


@pytest.mark.parametrize("mode", ["canary", "ab"])
def test_a_challenger_that_is_shown_to_be_worse_is_taken_back(mode: str) -> None:
    assert verdict(mode, met(arm(200, 0.6))) == "take back"


def test_a_shadow_is_judged_by_what_it_would_have_lost_on_the_same_events() -> None:
    assert verdict("shadow", met(Losses(answers=500, mean=0.2, squares=100.0))) == "take back"
    assert verdict("shadow", met(Losses(answers=500, mean=-0.2, squares=100.0))) == "promote"
    assert verdict("shadow", met(Losses(answers=500, mean=0.0, squares=100.0))) == "go on"


def test_a_canary_takes_its_steps_when_it_has_answered_enough_and_no_worse() -> None:
    assert verdict("canary", met(arm(199, 0.2))) == "go on"
    assert verdict("canary", met(arm(250, 0.25))) == "go on"
    ruling = rule(plan("canary"), 0, (CHALLENGER,), met(arm(200, 0.2)), "accuracy")
    assert (ruling.verdict, ruling.shares) == ("step", (DECLARED.steps[1],))
    assert verdict("canary", met(arm(200, 0.2)), step=len(DECLARED.steps) - 1) == "promote"


def test_a_margin_lets_a_little_worse_pass() -> None:
    evidence = met(arm(3000, 0.3), arm(3000, 0.2))
    assert verdict("canary", evidence) == "take back"
    assert verdict("canary", evidence, margin=0.2) == "step"


def test_a_test_of_two_equals_ends_undecided_with_the_champion() -> None:
    equal = arm(3000, 0.2)
    assert verdict("ab", met(equal, equal, outcomes=6000)) == "go on"
    assert verdict("ab", met(equal, equal, outcomes=DECLARED.limit)) == "take back"


def test_the_level_is_shared_by_the_steps_of_a_canary() -> None:
    evidence = met(arm(300, 0.33), arm(3000, 0.2))
    one, many = plan("canary", steps=(0.05,)), plan("canary", steps=tuple(n / 100 for n in range(5, 25)))
    assert rule(one, 0, (CHALLENGER,), evidence, "accuracy").verdict == "take back"
    assert rule(many, 0, (CHALLENGER,), evidence, "accuracy").verdict == "go on"


def test_a_bandit_gives_the_better_the_greater_share_and_ends_with_it() -> None:
    two = plan("bandit")
    early = Evidence(champion=arm(50, 0.4), challengers={2: arm(50, 0.3), 3: arm(50, 0.5)}, outcomes=150)
    ruling = rule(two, 0, (2, 3), early, "accuracy")
    assert ruling.verdict == "step"
    assert ruling.shares[0] > ruling.shares[1] >= 0.04
    late = Evidence(champion=arm(400, 0.4), challengers={2: arm(800, 0.1), 3: arm(60, 0.5)}, outcomes=1260)
    ended = rule(two, 5, (2, 3), late, "accuracy")
    assert (ended.verdict, ended.version) == ("promote", 2)


@given(st.integers(30, 5000), st.floats(0.05, 0.9), st.floats(1.0, 1e9))
def test_the_unit_of_a_regression_makes_no_difference(answers: int, mean: float, unit: float) -> None:
    def scaled(by: float) -> str:
        losses = [Losses(answers=answers, mean=m * by, squares=answers * m * m * by * by / 4) for m in (mean, 0.3)]
        return rule(plan("ab"), 0, (CHALLENGER,), met(losses[0], losses[1]), "mae").verdict

    assert scaled(1.0) == scaled(unit)
