"""A schedule of trainings on all outcomes is told to be quadratic, with figures that a simulation confirms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.console.views.schedule_cost import rows_learnt, schedule_cost
from penstock.contracts.declaration.stream import Declaration


def declared(**retrain: Any) -> Declaration:
    return Declaration.model_validate(
        {
            "name": "loans",
            "task": "binary",
            "fields": {"income": {"type": "number"}},
            "label": {"name": "defaulted", "classes": ["No", "Yes"]},
            "retrain": retrain,
        }
    )


@given(st.integers(0, 3000), st.integers(1, 400), st.integers(1, 4000))
def test_rows_are_those_that_each_training_reads(outcomes: int, every: int, most: int) -> None:
    read = [min(count, most) for count in range(every, outcomes + 1, every)]
    assert rows_learnt(outcomes, every, most) == (len(read), sum(read))


def test_a_schedule_by_outcomes_is_told_with_figures() -> None:
    line = schedule_cost(declared(every=500))
    assert line is not None
    assert "20 trainings and 105,000 rows after 10,000 outcomes" in line
    assert "200 trainings and 10,050,000 rows after 100,000 outcomes" in line


@pytest.mark.parametrize(("retrain", "is_told"), [({"cron": "0 3 * * *"}, True), ({}, False)])
def test_only_a_schedule_is_told(retrain: dict[str, Any], is_told: bool) -> None:
    assert (schedule_cost(declared(**retrain)) is not None) == is_told
