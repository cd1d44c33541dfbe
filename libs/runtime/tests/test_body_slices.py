"""Splitting bodies: the same documents as a parser finds, in slices that are small whatever the body."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.runtime.http import body_slices
from penstock.runtime.http.body_slices import SLICE_BYTES, WHOLE_COMMAS, array_slices, first_documents, line_slices
from penstock.runtime.http.problems import Problem

anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text('ab"\\[]{},: é\n', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('k"\\', max_size=3), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def tiny_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices that end anywhere: within a text, an escape or a number."""
    monkeypatch.setattr(body_slices, "SLICE_BYTES", 3)
    monkeypatch.setattr(body_slices, "WHOLE_COMMAS", -1)


@pytest.mark.usefixtures("tiny_slices")
@given(st.lists(anything, max_size=6), st.sampled_from([None, 1]), st.booleans())
def test_an_array_is_split_into_its_items(items: list[Any], indent: int | None, is_ascii: bool) -> None:
    body = json.dumps(items, indent=indent, ensure_ascii=is_ascii).encode()
    split = [json.loads(item) for part in array_slices(b" \n" + body + b"\r\n") for item in part]
    assert json.dumps(split) == json.dumps(items)


@pytest.mark.usefixtures("tiny_slices")
@given(st.text('[]{},:"\\ 1a', max_size=12))
def test_what_is_no_array_is_refused(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
    try:
        split = [json.loads(item) for part in array_slices(text.encode()) for item in part]
    except Problem:
        assert not isinstance(expected, list)
    else:
        assert split == expected


@pytest.mark.usefixtures("tiny_slices")
@given(st.lists(st.sampled_from([b"", b" ", b"a", b"long line", b"\r"]), max_size=20))
def test_lines_are_the_lines_that_are_not_blank(lines: list[bytes]) -> None:
    split = [line for part in line_slices(b"\n".join(lines)) for line in part]
    assert split == [line.strip() for line in lines if line.strip()]


LARGE = 1 << 20
BODIES = {
    "empty objects": b"[" + b"{}," * (LARGE // 3) + b"{}]",
    "NaN and empty objects": b"[NaN," + b"{}," * (LARGE // 3) + b"{}]",
    "one nested item": b"[[" + b"[],[[]]," * (LARGE // 8) + b"1]]",
    "one text of escapes": b'["' + b"\\\\" * (LARGE // 2) + b'"]',
    "blank": b"[" + b" " * LARGE + b"]",
}


@pytest.mark.parametrize("case", BODIES)
def test_a_slice_is_small_whatever_the_body(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_slices, "WHOLE_COMMAS", -1)
    parts = list(array_slices(BODIES[case]))
    assert len(parts) >= LARGE // SLICE_BYTES
    assert max(map(len, parts)) <= SLICE_BYTES


@pytest.mark.parametrize("case", ["empty objects", "NaN and empty objects"])
def test_a_body_of_many_items_is_not_split_in_one_go(case: str) -> None:
    assert BODIES[case].count(b",") > WHOLE_COMMAS
    assert len(next(array_slices(BODIES[case]))) <= SLICE_BYTES


async def test_splitting_stops_at_the_first_slice_with_a_document_too_many() -> None:
    parts = ([b"1"] * 4 for _ in range(100))

    assert len(await first_documents(parts, 10)) == 12
    assert len(list(parts)) == 97


def test_brackets_are_followed_to_a_depth_only() -> None:
    with pytest.raises(Problem, match="malformed"):
        list(array_slices(b"[" * LARGE))
