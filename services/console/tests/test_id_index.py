"""An index of ids is a dictionary that numbers its keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.console.replay.rows.id_index import IdIndex, packed, unpacked

UUIDS = st.uuids().map(str)
NEARLY_UUIDS = st.tuples(UUIDS, st.integers(0, 35), st.sampled_from(" -0gA\uff11")).map(
    lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + 1 :]
)


@given(st.lists(st.text(max_size=3) | UUIDS))
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


@given(st.text() | UUIDS | UUIDS.map(str.upper) | NEARLY_UUIDS)
def test_an_id_is_the_same_once_it_is_unpacked(name: str) -> None:
    assert unpacked(packed(name)) == name


@given(UUIDS.filter(str.islower))
def test_a_uuid_takes_half_of_its_text(name: str) -> None:
    assert len(packed(name)) == 17
