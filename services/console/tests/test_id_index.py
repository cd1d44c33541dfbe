"""An index of ids is a dictionary that numbers its keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.console.replay.rows.id_index import IdIndex


@given(st.lists(st.text(max_size=3)))
def test_ids_are_numbered_in_the_order_in_which_they_come(names: list[str]) -> None:
    index, numbers = IdIndex(), dict[str, int]()
    for name in names:
        assert index.add(name) == numbers.setdefault(name, len(numbers))
    assert list(index) == list(numbers)
    assert all(index.find(name) == number for name, number in numbers.items())
    assert index.find("never added") == -1


def test_an_index_grows() -> None:
    index = IdIndex()
    names = [f"event-{number}" for number in range(5000)]
    assert [index.add(name) for name in names] == list(range(5000))
    assert [index.find(name) for name in names] == list(range(5000))
