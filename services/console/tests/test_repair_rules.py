"""Rules of repairs: which records they select, what they make of the bytes, and what they leave alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.console.repair.defects import Defect, Place
from penstock.console.repair.rules import edited, is_selected
from penstock.contracts.records.repairs import Rule, Selection

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def defect(original: bytes | None, **changes: Any) -> Defect:
    """A rejected event of noon."""
    fields: dict[str, Any] = {"code": "wrong_type", "field": "amount", "kind": "event", "id": "a", "topic": "received"}
    return Defect(
        place=Place(1, 7), time=int(NOON.timestamp() * 1000), detail="", original=original, **fields | changes
    )


def record(data: Any, **attributes: Any) -> bytes:
    return json.dumps({"id": "a", "time": "2026-05-01T11:00:00Z", "data": data, **attributes}).encode()


@pytest.mark.parametrize(
    ("rule", "data"),
    [
        (Rule(cast={"amount": "number"}), {"amount": 12.5, "n": 1}),
        (Rule(cast={"n": "text", "amount": "integer"}), {"amount": " 12.50", "n": "1"}),
        (Rule(cast={"n": "boolean"}), {"amount": " 12.50", "n": True}),
        (Rule(rename={"amount": "sum"}, cast={"sum": "number"}, set={"n": None}), {"sum": 12.5, "n": None}),
        (Rule(set={"amount": 3}, remove=("n", "absent")), {"amount": 3}),
        (Rule(where=Selection(code="bad_id"), set={"amount": 3}), {"amount": " 12.50", "n": 1}),
    ],
)
def test_a_rule_renames_casts_sets_and_removes_fields_in_this_order(rule: Rule, data: dict[str, Any]) -> None:
    new = json.loads(edited(defect(record({"amount": " 12.50", "n": 1})), [rule]))
    assert new == json.loads(record(data))


def test_rules_apply_one_after_the_other_and_attributes_are_set_or_removed() -> None:
    rules = [
        Rule(set={"amount": 1}, attributes={"time": "2026-05-01T10:00:00Z", "junk": None}),
        Rule(cast={"amount": "text"}),
    ]
    new = json.loads(edited(defect(record({"amount": "x"}, junk=1)), rules))
    assert new == {"id": "a", "time": "2026-05-01T10:00:00Z", "data": {"amount": "1"}}


@given(st.sampled_from([b"", b"[1]", b"{", b"\xff", b"1e400", b'{"data": {"a": 1, "a": 2}}', b'{"x": 1, "x": 2}']))
def test_what_is_no_object_or_names_a_key_twice_is_left_alone_but_can_be_written_anew(original: bytes) -> None:
    assert edited(defect(original), [Rule(set={"a": 3}, attributes={"id": "b"})]) == original
    assert edited(defect(original), [Rule(text="{}")]) == b"{}"


def test_untouched_members_keep_their_spelling() -> None:
    original = b'{"id":"a","data":{"price":1.50,"big":123456789012345678901234567890,"amount":"2"}}'
    new = edited(defect(original), [Rule(cast={"amount": "number"})])
    assert new == original.replace(b'"2"', b"2.0")


def test_a_record_that_is_changed_loses_its_sealed_answer_and_only_then() -> None:
    sealed = record({"amount": "2"}, answer="mac:text")
    assert edited(defect(sealed), [Rule(where=Selection(code="bad_id"), set={"amount": 2})]) == sealed
    assert "answer" not in json.loads(edited(defect(sealed), [Rule(cast={"amount": "number"})]))
    assert edited(defect(None), []) == b""


@pytest.mark.parametrize(
    ("where", "selected"),
    [
        ({}, True),
        ({"code": "wrong_type", "field": "amount", "kind": "event", "id": "a", "topic": "received"}, True),
        ({"code": "wrong_type", "field": "income"}, False),
        ({"field": ""}, False),
        ({"at": ["1:7", "2:7"]}, True),
        ({"at": ["1:8"]}, False),
        ({"since": NOON, "until": NOON.replace(hour=13)}, True),
        ({"until": NOON}, False),
    ],
)
def test_a_selection_wants_all_of_it(where: dict[str, Any], selected: bool) -> None:
    assert is_selected(defect(b"{}"), Selection.model_validate(where)) is selected
