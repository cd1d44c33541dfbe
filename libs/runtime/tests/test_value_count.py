"""Values are counted as a parser would, outside of texts."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock.runtime.http.value_count import has_more_values

anything = st.recursive(
    st.none() | st.text('ab"\\[]{},:', max_size=6) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('k"\\,[', max_size=3), inner, max_size=4),
    max_leaves=12,
)


def _separators(value: Any) -> int:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(0, len(value) - 1) + sum(map(_separators, inner))
    return 0


@given(anything)
def test_what_stands_in_texts_does_not_count(value: Any) -> None:
    document = json.dumps(value).encode()
    count = _separators(value)
    assert not has_more_values(document, count)
    assert count == 0 or has_more_values(document, count - 1)


def test_more_texts_than_values_could_have_are_not_looked_into() -> None:
    assert has_more_values(b'",,"' * 1000, 100)
