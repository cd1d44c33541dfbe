"""How often values occur does not depend on the batches in which they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.console.table.value_counts import ValueCounts

MOST = 5
BATCHES = st.lists(st.lists(st.integers(0, 7).map(str), max_size=8), max_size=12)


def counts_of(batches: Sequence[pa.Array]) -> ValueCounts:
    """The counts after these batches."""
    counts = ValueCounts(most=MOST)
    for batch in batches:
        counts.add(batch)
    return counts


@given(BATCHES)
def test_values_are_counted_in_their_order_until_there_are_too_many(batches: list[list[str]]) -> None:
    found = counts_of([pa.array(batch, pa.string()) for batch in batches]).by_text
    expected = Counter(value for batch in batches for value in batch)
    assert (None if found is None else list(found.items())) == (
        list(expected.items()) if len(expected) <= MOST else None
    )


@given(BATCHES)
@example([["0"], ["0", "1", "2", "3", "4", "5"]])
def test_a_value_repeats_among_the_batches_until_there_are_too_many(batches: list[list[str]]) -> None:
    seen = list[str]()
    for batch in batches:
        if len(set(seen)) <= MOST:
            seen += batch
    assert counts_of([pa.array(batch, pa.string()) for batch in batches]).repeats == (len(set(seen)) < len(seen))


def test_a_batch_of_another_type_is_counted_by_its_texts() -> None:
    large = pa.array(["7", "9" * 30])
    assert counts_of([pa.array([7, 8]), large]).by_text == {"7": 2, "8": 1, "9" * 30: 1}
