"""What a rollout does next, from its evidence, in every mode."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.declaration.model_lifecycle import RolloutDeclaration
from penstock.registry.rollout_decision import RolloutDecision, decide_rollout
from penstock.registry.rollout_evidence import Evidence, Losses
from penstock.registry.rollout_plan import RolloutPlan

DECLARED = RolloutDeclaration()
CHALLENGER = 2


def plan(mode: Any, *, has_objective: bool = False, **declared: Any) -> RolloutPlan:
    return RolloutPlan.of(RolloutDeclaration(**declared), mode, has_objective=has_objective)


def arm(answers: int, mean: float) -> Losses:
    return Losses(answers=answers, mean=mean, squares=answers * mean * (1 - mean))


def pairs(answers: int, mean: float, disagreement: float = 0.1) -> Losses:
    return Losses(answers=answers, mean=mean, squares=answers * (disagreement - mean * mean))


def evidence(
    challenger: Losses,
    champion: Losses | None = None,
    outcomes: int = 0,
    paired: Losses | None = None,
    loss: str = "error",
) -> Evidence:
    return Evidence(
        champion=champion or arm(4000, 0.2),
        challengers={CHALLENGER: challenger},
        pairs={} if paired is None else {CHALLENGER: paired},
        outcomes=outcomes,
        loss=loss,
    )


def decide(plan: RolloutPlan, evidence: Evidence, step: int = 0) -> RolloutDecision:
    return decide_rollout(plan, step, (CHALLENGER,), evidence)


def action(mode: Any, evidence: Evidence, step: int = 0, **declared: Any) -> str:
    return decide(plan(mode, **declared), evidence, step).action


@pytest.mark.parametrize("mode", ["canary", "ab"])
def test_a_challenger_that_is_shown_to_be_worse_is_taken_back(mode: str) -> None:
    assert action(mode, evidence(arm(200, 0.6))) == "take back"


@pytest.mark.parametrize("mode", ["ab", "shadow"])
def test_where_both_answered_the_same_events_the_differences_decide(mode: str) -> None:
    equal = arm(400, 0.2)
    assert action(mode, evidence(equal, paired=pairs(500, 0.2, 0.3))) == "take back"
    assert action(mode, evidence(equal, paired=pairs(500, -0.2, 0.3))) == "promote"
    assert action(mode, evidence(equal, paired=pairs(500, 0.0))) == "continue"


def test_fewer_pairs_than_the_challengers_answers_do_not_decide() -> None:
    assert action("ab", evidence(arm(4000, 0.2), paired=pairs(500, 0.2, 0.3))) == "continue"


def test_a_canary_takes_a_step_when_the_next_share_of_its_loss_is_shown_to_be_tolerable() -> None:
    few, some, many = pairs(300, 0.0), pairs(3000, 0.0), pairs(12000, 0.0)
    enough = arm(200, 0.2)
    assert action("canary", evidence(arm(199, 0.2), paired=many)) == "continue"
    assert action("canary", evidence(enough, paired=few)) == "continue"
    decision = decide(plan("canary"), evidence(enough, paired=some))
    assert (decision.action, decision.shares) == ("step", (DECLARED.steps[1],))
    last = len(DECLARED.steps) - 1
    assert action("canary", evidence(enough, paired=some), step=last) == "continue"
    assert action("canary", evidence(enough, paired=many), step=last) == "promote"


def test_a_mean_that_is_no_worse_is_no_evidence() -> None:
    assert action("canary", evidence(arm(250, 0.2))) == "continue"


def test_a_margin_lets_a_little_worse_pass() -> None:
    worse = evidence(arm(9000, 0.3), arm(9000, 0.2))
    assert action("canary", worse) == "take back"
    assert action("canary", worse, margin=0.2) == "step"


SHOWN = {"steps": (0.5,), "has_objective": True}


def at_the_limit(errors: float, spread: float, number: int, outcomes: int) -> Evidence:
    """Of a challenger whose pairs have a mean of so many standard errors."""
    mean = errors * spread / sqrt(number)
    paired = Losses(answers=number, mean=mean, squares=number * spread**2)
    champion = Losses(answers=number, mean=1e-6, squares=0.0)  # a hundredth of its loss is next to nothing
    return evidence(Losses(answers=250), champion, outcomes, paired, loss="log_loss")


@given(st.floats(0.05, 10.0), st.integers(1000, 100_000))
def test_by_an_objective_an_equal_challenger_passes_by_the_limit_in_four_of_five_cases(
    spread: float, limit: int
) -> None:
    """The mean of an equal one is below .84 standard errors in four of five cases, whatever the losses are like."""
    shown = SHOWN | {"limit": limit}
    assert action("canary", at_the_limit(0.8, spread, limit, limit), **shown) == "promote"
    assert action("canary", at_the_limit(1.0, spread, limit, limit), **shown) == "take back"


@given(st.integers(0, 18_000))
def test_pairs_that_the_limit_will_not_bring_widen_what_is_tolerated(missing: int) -> None:
    limit = DECLARED.limit
    assert action("canary", at_the_limit(0.8, 1.0, limit - missing, limit), **SHOWN) == "promote"
    assert action("canary", at_the_limit(1.0, 1.0, limit - missing, limit), **SHOWN) == "take back"


def test_a_declared_margin_and_a_stream_without_an_objective_tolerate_no_more_than_before() -> None:
    equal = at_the_limit(0.0, 1.0, DECLARED.limit, DECLARED.limit)
    assert action("canary", equal, **SHOWN) == "promote"
    assert action("canary", equal, **SHOWN, margin=0.02) == "take back"
    assert action("canary", equal, steps=(0.5,)) == "take back"


def test_what_is_decided_without_pairs_tolerates_no_more_than_before() -> None:
    answered = Losses(answers=30_000, mean=1e-6, squares=300.0)
    fewer_pairs = Losses(answers=20_000, mean=0.0, squares=20_000.0)
    unpaired = evidence(answered, answered, DECLARED.limit, fewer_pairs, "log_loss")
    assert action("canary", unpaired, **SHOWN) == "take back"


def test_a_test_of_two_equals_ends_undecided_with_the_champion() -> None:
    equal = arm(3000, 0.2)
    assert action("ab", evidence(equal, equal, outcomes=6000)) == "continue"
    assert action("ab", evidence(equal, equal, outcomes=DECLARED.limit)) == "take back"


def test_the_level_is_shared_by_the_steps_of_a_canary() -> None:
    worse = evidence(arm(300, 0.33), arm(3000, 0.2))
    one, many = plan("canary", steps=(0.05,)), plan("canary", steps=tuple(n / 100 for n in range(5, 25)))
    assert decide(one, worse).action == "take back"
    assert decide(many, worse).action == "continue"


def test_a_bandit_gives_the_better_the_greater_share_and_ends_with_it() -> None:
    two = plan("bandit")
    early = Evidence(champion=arm(50, 0.4), challengers={2: arm(50, 0.3), 3: arm(50, 0.5)}, outcomes=150, loss="error")
    decision = decide_rollout(two, 0, (2, 3), early)
    assert decision.action == "step"
    assert decision.shares[0] > decision.shares[1] >= 0.04
    late = Evidence(
        champion=arm(400, 0.4), challengers={2: arm(800, 0.1), 3: arm(60, 0.5)}, outcomes=1260, loss="error"
    )
    ended = decide_rollout(two, 5, (2, 3), late)
    assert (ended.action, ended.version) == ("promote", 2)


@given(st.integers(30, 5000), st.floats(0.05, 0.9), st.floats(1.0, 1e9))
def test_the_unit_of_a_regression_makes_no_difference(answers: int, mean: float, unit: float) -> None:
    def scaled(by: float) -> str:
        losses = [Losses(answers=answers, mean=m * by, squares=answers * m * m * by * by / 4) for m in (mean, 0.3)]
        return decide(plan("ab"), evidence(losses[0], losses[1], loss="absolute_error")).action

    assert scaled(1.0) == scaled(unit)
