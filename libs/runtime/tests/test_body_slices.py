"""Splitting bodies: the same documents as a parser finds, in slices that are small whatever the body."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.runtime.http import array_splitter, body_slices
from penstock.runtime.http.array_splitter import COUNT_BYTES, PIECE_BYTES
from penstock.runtime.http.body_slices import (
    DOCUMENT_FIELDS,
    array_slices,
    documents_at_a_time,
    first_documents,
    line_slices,
    slices_of,
)
from penstock.runtime.http.problems import Problem
from penstock.runtime.http.value_count import MOST_VALUES

anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text('ab"\\[]{},: é\n', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('k"\\', max_size=3), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(params=[1, 9])
def tiny_slices(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Slices that end anywhere: within a text, an escape or a number."""
    monkeypatch.setattr(body_slices, "SLICE_BYTES", 3)
    monkeypatch.setattr(array_splitter, "COUNT_BYTES", 3)
    monkeypatch.setattr(array_splitter, "PIECE_BYTES", request.param)


@pytest.mark.usefixtures("tiny_slices")
@given(st.lists(anything, max_size=6), st.sampled_from([None, 1]), st.booleans())
def test_an_array_is_split_into_its_items(items: list[Any], indent: int | None, is_ascii: bool) -> None:
    body = json.dumps(items, indent=indent, ensure_ascii=is_ascii).encode()
    split = [json.loads(item) for part in array_slices(b" \n" + body + b"\r\n") for item in part]
    assert json.dumps(split) == json.dumps(items)


@pytest.mark.usefixtures("tiny_slices")
@given(st.text('[]{},:"\\ 1a', max_size=12))
@example("[1,]")
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
    "objects that look like borders": b'[{"a":"' + b"},{" * (LARGE // 3) + b'"}]',
    "one nested item": b"[[" + b'[],[[]],"k",' * (LARGE // 12) + b"1]]",
    "one text of escapes": b'["' + b"\\\\" * (LARGE // 2) + b'"]',
    "large items": b"[" + b",".join([b'{"a":"' + b"k" * (3 * PIECE_BYTES) + b'"}'] * 4) + b"]",
    "blank": b"[" + b" " * LARGE + b"]",
}


@pytest.mark.parametrize("case", BODIES)
def test_a_slice_is_small_whatever_the_body(case: str) -> None:
    parts = list(array_slices(BODIES[case]))
    assert len(parts) >= LARGE // (2 * PIECE_BYTES)
    assert max(map(len, parts)) <= 2 * PIECE_BYTES // len(b"{},") + 1


def test_no_more_than_two_pieces_are_decoded_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    decode = array_splitter._decode_array

    def decode_array(text: bytes) -> list[Any]:
        decoded.append(len(text))
        return decode(text)

    monkeypatch.setattr(array_splitter, "_decode_array", decode_array)
    for body in BODIES.values():
        list(array_slices(body))
    assert sum(decoded) > LARGE
    assert max(decoded) <= 2 * PIECE_BYTES + 2


def test_counting_goes_on_only_as_far_as_what_is_no_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array_splitter, "PIECE_BYTES", 100)
    body = b"[NaN," + b"{}," * 1000 + b"{}]"
    sizes = [len(part) for part in array_slices(body)]
    assert sum(sizes) == 1002
    assert set(sizes[1:-1]) == {34}  # pieces of 100 bytes


def test_an_item_of_too_many_brackets_is_refused_as_soon_as_they_are_counted() -> None:
    parts = array_slices(b"[[" + b"[[]]," * (3 << 20) + b"1]]")
    first = list(islice(parts, MOST_VALUES * len(b"[[]],") // COUNT_BYTES))
    assert first == [[]] * len(first)
    with pytest.raises(Problem, match="too_large"):
        next(parts)


def test_fewer_documents_at_a_time_where_each_has_many_fields() -> None:
    assert [len(part) for part in slices_of([b"1"] * 5, most=2)] == [2, 2, 1]
    assert documents_at_a_time(0) == documents_at_a_time(200)
    assert documents_at_a_time(DOCUMENT_FIELDS + 1) == 1


async def test_splitting_stops_at_the_first_slice_with_a_document_too_many() -> None:
    parts = ([b"1"] * 4 for _ in range(100))

    assert len(await first_documents(parts, 10)) == 12
    assert len(list(parts)) == 97


def test_brackets_are_followed_to_a_depth_only() -> None:
    with pytest.raises(Problem, match="malformed"):
        list(array_slices(b"[" * LARGE))
