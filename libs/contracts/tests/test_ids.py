"""Ids and digests derived from content, and classes that are the same text however they were written."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.ids import blake2b_digest, derived_id, label_id
from penstock.contracts.label_values import canonical_class

parts = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1, max_size=4)


@given(parts, parts)
def test_two_lists_of_parts_never_share_an_id(first: list[str], second: list[str]) -> None:
    assert (derived_id(*first) == derived_id(*second)) == (first == second)


@given(st.text(), st.text(), st.integers(0, 9))
def test_the_id_of_a_label_follows_from_its_event_and_revision(source: str, event: str, revision: int) -> None:
    assert label_id(source, event, revision) == label_id(source, event, revision)
    assert label_id(source, event, revision) != label_id(source, event, revision + 1)


@given(st.binary(), st.binary())
def test_bodies_are_equal_when_their_digests_are(first: bytes, second: bytes) -> None:
    assert (blake2b_digest(first) == blake2b_digest(second)) == (first == second)
    assert len(blake2b_digest(first)) == 16


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_names_the_same_class_as_text_int_and_float(number: int) -> None:
    assert canonical_class(number) == canonical_class(float(number)) == canonical_class(str(number)) == str(number)


@given(st.text() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans())
def test_a_canonical_class_is_its_own_canonical_form_and_survives_json(value: str | float | bool) -> None:
    once = canonical_class(value)
    assert canonical_class(once) == once
    assert canonical_class(json.loads(json.dumps(value))) == once
