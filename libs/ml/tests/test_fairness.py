"""Fairness from counts: additive, within bounds, and nil where groups are treated alike."""

from __future__ import annotations

from math import isnan

from hypothesis import given
from hypothesis import strategies as st

from penstock.ml.metrics.fairness import ConfusionCounts, demographic_parity_difference, equalised_odds_difference

COUNTS = st.builds(ConfusionCounts, *[st.integers(0, 1000)] * 4)


@given(st.lists(COUNTS, max_size=5))
def test_differences_lie_between_nothing_and_everything(groups: list[ConfusionCounts]) -> None:
    for difference in (demographic_parity_difference(groups), equalised_odds_difference(groups)):
        assert isnan(difference) or 0 <= difference <= 1


@given(COUNTS, COUNTS)
def test_a_group_added_to_another_keeps_all_its_answers(first: ConfusionCounts, second: ConfusionCounts) -> None:
    assert (first + second).rows == first.rows + second.rows


def test_groups_treated_alike_differ_in_nothing() -> None:
    small, large = ConfusionCounts(40, 10, 5, 45), ConfusionCounts(400, 100, 50, 450)
    assert demographic_parity_difference([small, large]) == equalised_odds_difference([small, large]) == 0


def test_odds_differ_where_selection_does_not() -> None:
    found, missed = ConfusionCounts(50, 0, 0, 50), ConfusionCounts(0, 50, 50, 0)
    assert demographic_parity_difference([found, missed]) == 0
    assert equalised_odds_difference([found, missed]) == 1
