"""The first record by offset wins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.first_by_offset import FirstByOffset

RECORDS = st.lists(st.tuples(st.integers(0, 5), st.integers()))


@given(RECORDS)
def test_the_first_value_under_each_key_stays(records: list[tuple[int, int]]) -> None:
    first: FirstByOffset[int, int] = FirstByOffset()
    new = [first.add(key, value) for key, value in records]
    assert dict(first) == dict(reversed(records))
    assert [record for record, is_new in zip(records, new, strict=True) if is_new] == list(first.items())


@given(RECORDS, st.integers(1, 4))
def test_no_more_keys_are_kept_than_the_limit(records: list[tuple[int, int]], limit: int) -> None:
    first: FirstByOffset[int, int] = FirstByOffset(limit)
    for key, value in records:
        first.add(key, value)
        assert first[key] is not None
    assert len(first) <= limit
