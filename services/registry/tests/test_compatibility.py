"""What a declaration may change."""

from __future__ import annotations

import pytest

from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.registry.compatibility import incompatibility

LOANS = """
[stream]
name = "loans"
task = "binary"
entity = "customer"

[label]
name = "defaulted"
classes = ["no", "yes"]

[fields]
customer = { type = "category", feature = false }
amount = { type = "number", min = 0 }
"""
OLD = parse_declaration(LOANS)


@pytest.mark.parametrize(
    ("text", "replacement", "field"),
    [
        ('task = "binary"', 'task = "multiclass"', "task"),
        ('entity = "customer"', "ordered = false", "entity"),
        ('entity = "customer"', 'entity = "customer"\npartitions = 8', "partitions"),
        ('name = "defaulted"', 'name = "late"', "label.name"),
        ('["no", "yes"]', '["yes", "no"]', "label.classes"),
        ('amount = { type = "number", min = 0 }', 'age = { type = "number" }', "fields.amount"),
        ('amount = { type = "number", min = 0 }', 'amount = { type = "category" }', "fields.amount.type"),
        ("min = 0 }", 'min = 0 }\nage = { type = "number", missing = "refuse" }', "fields.age.missing"),
    ],
)
def test_what_would_make_the_log_unreadable_is_found(text: str, replacement: str, field: str) -> None:
    fault = incompatibility(OLD, parse_declaration(LOANS.replace(text, replacement, 1)))
    assert fault is not None
    assert fault.field == field
    assert ";" in fault.detail  # and what to do


@pytest.mark.parametrize(
    ("text", "replacement"),
    [
        ("min = 0 }", 'min = 0 }\nage = { type = "number" }'),
        ("min = 0 }", 'min = 5, max = 9, outside = "refuse" }'),
        ('entity = "customer"', 'entity = "customer"\npartitions = 4'),
        ('classes = ["no", "yes"]', 'classes = ["no", "yes"]\nprior = { no = 1 }'),
    ],
)
def test_what_the_log_can_take_is_not(text: str, replacement: str) -> None:
    assert incompatibility(OLD, parse_declaration(LOANS.replace(text, replacement, 1))) is None


def test_a_multiclass_label_may_gain_classes_at_the_end() -> None:
    old = parse_declaration(LOANS.replace("binary", "multiclass"))
    wider = LOANS.replace("binary", "multiclass").replace('"yes"]', '"yes", "maybe"]')
    assert incompatibility(old, parse_declaration(wider)) is None
