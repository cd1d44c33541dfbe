"""What a block tells of each model that answered, of shadows, and of slices."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.records.predictions import ShadowAnswer

from .test_stream import Owner, said

SLICED = {"slices": ["meter"]}


def told(make: Any, outcomes: list[Any], **declared: Any) -> Any:
    owner = Owner(make, make.declared(**declared))
    for start in range(0, 100, 30):
        owner.outcomes(outcomes[start : start + 30])
        owner.open()
    return said(owner, "provisional")[0]


def test_losses_are_added_up_by_the_model_that_answered(make: Any) -> None:
    outcomes = [
        make.outcome(n, "0" if n % 4 == 0 else "1", version=2, arm="challenger")
        if n < 40
        else make.outcome(n, "0" if n % 10 == 0 else "1")
        for n in range(100)
    ]
    arms = {(arm.version, arm.role): (arm.answers, arm.mean, arm.squares) for arm in told(make, outcomes).arms}
    assert arms[1, "champion"] == pytest.approx((60, 0.1, 5.4))
    assert arms[2, "challenger"] == pytest.approx((40, 0.25, 7.5))


def test_a_shadow_is_told_by_what_it_would_have_lost_more(make: Any) -> None:
    def shadow(n: int) -> list[ShadowAnswer]:
        return [ShadowAnswer(3, None if n >= 90 else "0" if n < 30 else "1")]

    outcomes = [make.outcome(n, "0" if n < 10 else "1", shadow=shadow(n)) for n in range(100)]
    (found,) = [arm for arm in told(make, outcomes).arms if arm.role == "shadow"]
    assert (found.version, found.answers, found.mean) == (3, 90, pytest.approx(20 / 90))


def test_slices_tell_where_a_model_does_worse_and_for_whom(make: Any) -> None:
    outcomes = []
    for n in range(100):
        outcome = make.outcome(n, "0" if n < 20 else "1", "0" if 10 <= n < 60 else "1")
        outcome.data.fields = make.payload(f0=None if n >= 95 else "a" if n < 50 else "b", f1=1.0)
        outcomes.append(outcome)
    block = told(make, outcomes, **SLICED)
    found = {one.value: one for one in block.slices}
    assert {value: (one.field, one.answers, one.mean) for value, one in found.items()} == {
        "a": ("meter", 50, 0.8),
        "b": ("meter", 45, pytest.approx(10 / 45)),
        "": ("meter", 5, 0.0),
    }
    confusion = found["a"].confusion
    assert confusion.model_dump() == {
        "true_negatives": 10,
        "false_positives": 30,
        "false_negatives": 10,
        "true_positives": 0,
    }


def test_without_slices_none_are_told(make: Any) -> None:
    assert told(make, [make.outcome(n) for n in range(100)]).slices == ()
