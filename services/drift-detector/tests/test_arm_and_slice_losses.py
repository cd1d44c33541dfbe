"""The losses of a block by model version and role, and by slice."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.records.predictions import ShadowAnswer

from .stream_unit import StreamUnit, statistics_of

SLICED = {"slices": ["meter"]}


def statistics(make: Any, outcomes: list[Any], **declared: Any) -> Any:
    unit = StreamUnit(make, make.declared(**declared))
    for start in range(0, 100, 30):
        unit.outcomes(outcomes[start : start + 30])
        unit.reopen()
    return statistics_of(unit, "provisional")[0]


def test_losses_are_summed_by_version_and_role(make: Any) -> None:
    outcomes = [
        make.outcome(n, "0" if n % 4 == 0 else "1", version=2, arm="challenger")
        if n < 40
        else make.outcome(n, "0" if n % 10 == 0 else "1")
        for n in range(100)
    ]
    arms = {(arm.version, arm.role): (arm.answers, arm.mean, arm.squares) for arm in statistics(make, outcomes).arms}
    assert arms[1, "champion"] == pytest.approx((60, 0.1, 5.4))
    assert arms[2, "challenger"] == pytest.approx((40, 0.25, 7.5))


def test_a_shadows_losses_are_its_excess_over_the_answers(make: Any) -> None:
    def shadow(n: int) -> list[ShadowAnswer]:
        return [ShadowAnswer(3, None if n >= 90 else "0" if n < 30 else "1")]

    outcomes = [make.outcome(n, "0" if n < 10 else "1", shadow=shadow(n)) for n in range(100)]
    (losses,) = [arm for arm in statistics(make, outcomes).arms if arm.role == "shadow"]
    assert (losses.version, losses.answers, losses.mean) == (3, 90, pytest.approx(20 / 90))


def test_slices_have_losses_and_a_confusion_matrix(make: Any) -> None:
    outcomes = []
    for n in range(100):
        outcome = make.outcome(n, "0" if n < 20 else "1", "0" if 10 <= n < 60 else "1")
        outcome.data.fields = make.payload(f0=None if n >= 95 else "a" if n < 50 else "b", f1=1.0)
        outcomes.append(outcome)
    block = statistics(make, outcomes, **SLICED)
    slices = {losses.value: losses for losses in block.slices}
    assert {value: (losses.field, losses.answers, losses.mean) for value, losses in slices.items()} == {
        "a": ("meter", 50, 0.8),
        "b": ("meter", 45, pytest.approx(10 / 45)),
        "": ("meter", 5, 0.0),
    }
    turned = {"label": {"name": "up", "classes": ["0", "1"], "positive": "0"}}
    of_zero = next(each for each in statistics(make, outcomes, **SLICED, **turned).slices if each.value == "a")
    assert of_zero.confusion.model_dump() == {
        "true_negatives": 0,
        "false_positives": 10,
        "false_negatives": 30,
        "true_positives": 10,
    }
    confusion = slices["a"].confusion
    assert confusion.model_dump() == {
        "true_negatives": 10,
        "false_positives": 30,
        "false_negatives": 10,
        "true_positives": 0,
    }


def test_without_declared_slices_there_are_none(make: Any) -> None:
    assert statistics(make, [make.outcome(n) for n in range(100)]).slices == ()
